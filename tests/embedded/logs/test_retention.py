"""Old lines go by their arrival, and by the size of the file; a few at a time."""

import sqlite3

import pytest

from obskit.embedded.logs import Retention
from obskit.embedded.logs import _retention as retention_module
from obskit.embedded.logs._store import Batch, Store, labels_text


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(tmp_path, clock):
    stores = []

    def start(**retention):
        store = Store(tmp_path / "logs.db", Retention(**retention), clock)
        stores.append(store)
        return store

    yield start
    for store in stores:
        store.close()


def add(store, count, app="a", ts=0, size=10):
    entries = [(ts + place, f"{place:0{size}}", None) for place in range(count)]
    store.append([Batch(labels_text({"app": app}), entries)]).result()


def clean(store):
    steps = 1
    while store.clean():
        steps += 1
        assert steps < 10_000
    return steps


def lines(store):
    with sqlite3.connect(store.path) as database:
        return database.execute("SELECT count(*) FROM lines").fetchone()[0]


def test_lines_go_by_their_arrival_not_by_their_time(opened, clock):
    store = opened(days=1)
    add(store, 10, ts=0)  # of 1970, and here to stay
    clean(store)
    assert lines(store) == 10
    clock.now += 86_400 / 2
    add(store, 5, ts=2**62)
    clock.now += 86_400 / 2 + 20
    clean(store)
    assert lines(store) == 5
    clock.now += 86_400
    clean(store)
    assert lines(store) == 0


def test_streams_without_lines_go_too(opened, clock):
    store = opened(days=1)
    add(store, 3, app="old")
    clock.now += 86_400 + 20
    add(store, 3, app="new")
    clean(store)
    with sqlite3.connect(store.path) as database:
        assert database.execute("SELECT labels FROM streams").fetchall() == [('{"app":"new"}',)]
    add(store, 3, app="old")
    assert lines(store) == 6


def test_the_file_stays_under_its_cap(opened, clock):
    store = opened(max_bytes=3_000_000)
    for hour in range(20):
        clock.now += 3_600
        add(store, 1_000, ts=hour * 1_000_000, size=400)
        clean(store)
    assert lines(store) > 3_000
    with sqlite3.connect(store.path) as database:
        newest = database.execute("SELECT max(ts) FROM lines").fetchone()[0]
        oldest = database.execute("SELECT min(ts) FROM lines").fetchone()[0]
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
    assert newest == 19 * 1_000_000 + 999
    assert oldest > 0
    assert pages * size < 8_000_000


def test_a_step_is_small(opened, clock, monkeypatch):
    monkeypatch.setattr(retention_module, "_STEP_ROWS", 100)
    store = opened(days=1)
    add(store, 1_000)
    clock.now += 86_400 + 20
    assert clean(store) > 10
    assert lines(store) == 0


def test_the_newest_lines_stay_even_when_they_are_too_much(opened, clock):
    store = opened(max_bytes=200_000)
    add(store, 2_000, size=400)
    clean(store)
    assert lines(store) == 2_000
