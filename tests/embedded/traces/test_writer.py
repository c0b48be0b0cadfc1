import sqlite3
import threading
import time

import pytest

from obskit.embedded.traces import Retention
from obskit.embedded.traces._errors import BusyError
from obskit.embedded.traces._generator import Generator
from obskit.embedded.traces._push import PushReader
from obskit.embedded.traces._store import Store
from obskit.embedded.traces._writer import Writer

MEGABYTE = 1 << 20


@pytest.fixture
def gate(monkeypatch):
    """Holds the writer while it writes, until it is set."""
    opened = threading.Event()
    add = Store.add

    def slow(self, pushes, now):
        assert opened.wait(10)
        return add(self, pushes, now)

    monkeypatch.setattr(Store, "add", slow)
    return opened


@pytest.fixture
def writer(tmp_path):
    made = Writer(Store(tmp_path / "traces.db"), Generator(), Retention(), time)
    yield made
    made.close()


@pytest.fixture
def some(spans):
    return PushReader().read(spans({}))


def test_takes_no_more_than_it_can_hold(writer, gate, some):
    taken = [writer.submit(some, 20 * MEGABYTE) for _ in range(2)]
    with pytest.raises(BusyError, match="behind"):
        writer.submit(some, 20 * MEGABYTE)
    gate.set()
    assert [push.result(10) for push in taken] == [0, 0]
    assert writer.submit(some, 20 * MEGABYTE).result(10) == 0


def test_takes_one_large_push_when_nothing_waits(writer, some):
    assert writer.submit(some, 500 * MEGABYTE).result(10) == 0


def test_writes_what_it_took_before_it_closes(tmp_path, gate, some):
    writer = Writer(Store(tmp_path / "traces.db"), Generator(), Retention(), time)
    taken = writer.submit(some, 1)
    gate.set()
    writer.close()
    assert taken.result(0) == 0
    with pytest.raises(BusyError, match="stopped"):
        writer.submit(some, 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_lets_nobody_wait_when_it_dies(tmp_path, some, monkeypatch):
    def broken(*_):
        raise SystemExit

    monkeypatch.setattr(Store, "add", broken)
    writer = Writer(Store(tmp_path / "traces.db"), Generator(), Retention(), time)
    with pytest.raises(BusyError, match="stopped"):
        writer.submit(some, 1).result(10)
    writer.close()


def test_clears_up_again_after_a_failure(tmp_path, some, monkeypatch, clock, waiting):
    tried = []

    def failing(*_):
        tried.append(1)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, "prune", failing)
    writer = Writer(Store(tmp_path / "traces.db"), Generator(), Retention(), clock)
    waiting(lambda: len(tried) == 1)
    clock.pass_s(60)
    waiting(lambda: len(tried) == 2)
    assert writer.submit(some, 1).result(10) == 0
    writer.close()
