"""What blocks the event loop is named while it does."""

import asyncio
import threading
import time

import pytest

from obskit.asgi._loop import LoopWatch


class Lines:
    """Keeps what is written in the place of a pipe, and says when."""

    def __init__(self):
        self.written = []
        self.came = threading.Event()

    def emit(self, level, event, fields):
        self.written.append((level, event, fields))
        self.came.set()


@pytest.fixture
def lines():
    return Lines()


def watch(lines, scenario, limit_s=0.05):
    async def run():
        watching = LoopWatch(lines, limit_s)
        try:
            await scenario()
        finally:
            watching.stop()

    asyncio.run(run())


def hold_until(came):
    while not came.is_set():
        time.sleep(0.005)


def test_call_that_holds_the_loop_is_named_with_its_line_before_it_ends(lines):
    async def scenario():
        hold_until(lines.came)

    watch(lines, scenario)

    ((level, event, fields),) = lines.written
    assert (level, event) == ("warning", "loop.blocked")
    assert fields["blocked_ms"] >= 50
    assert "test_loop.py:" in fields["code"]
    assert fields["code"].endswith("in hold_until")


def test_each_call_is_told_once(lines):
    async def scenario():
        for _ in range(2):
            hold_until(lines.came)
            time.sleep(0.2)  # noqa: ASYNC251 - goes on to hold it
            lines.came.clear()
            await asyncio.sleep(0.1)

    watch(lines, scenario)

    assert len(lines.written) == 2


def test_loop_that_waits_is_not_blocked(lines, monkeypatch):
    # The process was stopped and goes on, or gets no processor: the loop is late, and nothing holds it.
    def stopped(watching):
        watching._seen = time.monotonic() - 60

    async def scenario():
        (thread,) = (each for each in threading.enumerate() if each.name == "obskit-loop")
        await asyncio.sleep(0.5)
        assert thread.is_alive()

    monkeypatch.setattr(LoopWatch, "_beat", stopped)
    watch(lines, scenario)

    assert lines.written == []


def test_watch_ends_with_the_loop(lines):
    async def scenario():
        await asyncio.sleep(0)

    watch(lines, scenario)

    deadline = time.monotonic() + 30
    while any(each.name == "obskit-loop" for each in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
