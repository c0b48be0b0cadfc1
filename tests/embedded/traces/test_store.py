import os
import sqlite3

import pytest

from obskit.embedded.traces import TraceBackend
from obskit.embedded.traces._store import Store
from obskit.errors import StackError

DAY = 86_400


def count(path, table):
    with sqlite3.connect(path) as db:
        (rows,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    db.close()
    return rows


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "traces.db"


@pytest.fixture
def opened(open_backend, clock, keeping):
    """Serves a backend that keeps so much, as time goes on by *clock*."""
    return lambda **kept: open_backend(clock=clock, retention=keeping(**kept))


@pytest.fixture
def passes(clock, waiting):
    """Lets time pass, until the writer has cleared up after it."""

    def wait(seconds, holds):
        clock.pass_s(seconds)
        waiting(holds)

    return wait


def test_keeps_what_it_has_over_a_restart(open_backend, recorded):
    pages = ["/api/search?limit=100", "/api/search/tags", "/api/v2/search/tag/name/values"]
    pages.append("/api/search?limit=100&q={ status = error } >> { } | select(.mode)")
    with open_backend() as first:
        first.push(recorded("push"))
        before = [first.client.get(page).json() for page in pages]
        one = first.client.get(f"/api/traces/{before[0]['traces'][0]['traceID']}").json()
    with open_backend() as second:
        assert [second.client.get(page).json() for page in pages] == before
        assert second.client.get(f"/api/traces/{before[0]['traces'][0]['traceID']}").json() == one
        assert second.push(recorded("push")).status_code == 200
        assert [second.client.get(page).json() for page in pages] == before


def test_stores_a_push_before_it_answers(open_backend, spans, path):
    with open_backend() as served:
        served.push(spans({}, {}))
        assert count(path, "spans") == 2


@pytest.mark.parametrize("start", [1, 1_000_000_000 * 10**9, 4_000_000_000 * 10**9, 2**64 - 1])
def test_takes_spans_of_any_age(served, spans, start):
    payload = spans({"startTimeUnixNano": str(start), "endTimeUnixNano": str(min(start + 5, 2**64 - 1))})
    assert served.push(payload).status_code == 200
    assert served.ids("{ }") == {"1"}
    assert served.client.get("/api/traces/1").status_code == 200


def test_forgets_traces_some_time_after_their_last_span_arrived(opened, clock, passes, path, spans):
    with opened(days=2) as served:
        served.push(spans({"traceId": "0" * 31 + "1", "attributes": []}, service="first"))
        served.push(spans({"traceId": "0" * 31 + "2"}, service="second"))
        clock.pass_s(DAY)
        served.push(spans({"traceId": "0" * 31 + "2", "spanId": "0" * 15 + "7"}, service="second"))
        passes(1.5 * DAY, lambda: served.ids("{ }") == {"2"})
        assert served.client.get("/api/traces/1").status_code == 404
        names = served.client.get("/api/search/tag/service.name/values").json()["tagValues"]
        assert names == ["second"]
        passes(1 * DAY, lambda: served.ids("{ }") == set())
        for table in ("traces", "spans", "postings", "attrs"):
            assert count(path, table) == 0
        passes(60, lambda: count(path, "owners") == 0)


def test_finds_what_arrives_again_after_it_was_forgotten(opened, passes, spans):
    with opened(days=1) as served:
        for _ in range(3):
            served.push(spans({"name": "again"}))
            assert served.ids("{ name = `again` && resource.service.name = `shop` }") == {"1"}
            passes(2 * DAY, lambda: served.ids("{ }") == set())


def test_forgets_the_oldest_traces_when_it_takes_too_much_room(opened, clock, waiting, spans, path):
    with opened(max_bytes=2_000_000) as served:
        for number in range(1, 1_201):
            text = os.urandom(1_000).hex()
            served.push(spans({"traceId": f"{number:032x}", "statusMessage": text, "name": text}))
            clock.pass_s(1)
        waiting(lambda: count(path, "traces") < 1_000)
        clock.pass_s(60)
        assert served.client.get("/api/traces/1").status_code == 404
        assert served.client.get(f"/api/traces/{1_200:x}").status_code == 200
        waiting(lambda: path.stat().st_size < 2_500_000)


def test_keeps_other_users_out(open_backend, path):
    with open_backend():
        assert path.stat().st_mode & 0o077 == 0


def test_refuses_a_file_that_is_no_store(path):
    path.parent.mkdir()
    path.write_text("this is not a database, and longer than a header of one would be" * 20)
    with pytest.raises(StackError, match="cannot be used") as found:
        TraceBackend(path)
    assert "mv" in found.value.fix


def test_refuses_a_store_of_a_newer_version(path):
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StackError, match="version 99"):
        TraceBackend(path)


def test_refuses_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="cannot be used"):
        TraceBackend(tmp_path / "file" / "traces.db")


def test_says_that_the_disk_failed_and_goes_on(open_backend, spans, monkeypatch):
    with open_backend() as served:
        with monkeypatch.context() as patched:
            patched.setattr(Store, "_add", failing)
            answer = served.push(spans({}))
            assert answer.status_code == 503
            assert "disk" in answer.text
        assert served.push(spans({})).status_code == 200
        assert served.ids("{ }") == {"1"}


def failing(*_):
    raise sqlite3.OperationalError("database or disk is full")
