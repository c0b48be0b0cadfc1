"""The desktop, by a program on the PATH that writes down how it was called."""

import asyncio
import stat

import pytest

from obskit.pager import NotifyError
from obskit.pager._desktop import Desktop


def send(notifier, page):
    asyncio.run(notifier.send(page))


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a program called notify-send on the PATH; it writes down what it is called with."""

    def make(ends_with=0):
        path = tmp_path / "notify-send"
        path.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/called\necho "no bus" >&2\nexit {ends_with}\n'
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
        monkeypatch.setattr("sys.platform", "linux")
        return tmp_path / "called"

    return make


def test_the_desktop_shows_the_page_and_its_text_is_no_markup(program, page):
    called = program()
    send(Desktop("desktop"), page)
    assert called.read_text().splitlines() == [
        "--urgency=critical",
        "--app-name=obskit pager",
        "--",
        "Orders burns its budget",
        "Nobody acknowledged it within 5 min.",
        "Callers get errors &amp; &lt;b&gt;wait&lt;/b&gt;.",
        "Roll back.",
        "http://127.0.0.1:8601/incidents/INC-000007",
    ]


def test_a_desktop_that_does_not_answer_is_a_failure(program, page):
    program(ends_with=1)
    with pytest.raises(NotifyError, match="notify-send ended with 1: no bus"):
        send(Desktop("desktop"), page)


def test_says_that_there_is_no_desktop(tmp_path, monkeypatch, page):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(
        NotifyError, match=r"notify-send is not installed \(Debian's package is libnotify-bin\)"
    ):
        send(Desktop("desktop"), page)
