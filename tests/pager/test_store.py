import sqlite3

import pytest

from obskit.errors import StackError
from obskit.pager import Policy, Retention, Store, _schema
from obskit.pager._event import Event
from obskit.pager._operations import Press, press, take


def event(action="trigger", key="k", **more):
    return Event(
        action=action, origin="o", dedup_key=key, summary="It broke", source="db1", severity="error", **more
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "pager.db"


@pytest.fixture
def store(path):
    opened = Store(path)
    yield opened
    opened.close()


def fill(store, count, *, resolved, now=0.0, **more):
    for number in range(count):
        key = f"{now}-{number}"
        take(store, event(key=key, **more), now + number, room=True)
        if resolved:
            take(store, event("resolve", key=key), now + number, room=True)


def keys(store):
    return {incident.dedup_key for incident in store.latest(("triggered", "acknowledged", "resolved"), 1000)}


def test_only_this_user_can_read_the_file(store, path):
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_every_commit_reaches_the_disk(store):
    assert store._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert store._db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_keeps_everything_over_a_restart(path):
    first = Store(path)
    first.together(
        [lambda s: take(s, event(details={"a": [1, {"b": None}]}, occurred_at=5.5), 7.25, room=True)]
    )
    before = first.find(1)
    first.close()
    second = Store(path)
    assert second.find(1) == before
    second.close()


def test_a_number_is_never_given_twice(store):
    fill(store, 3, resolved=True)
    store.prune(Retention(incidents=0), now=10.0)
    take(store, event(), 11.0, room=True)
    assert [incident.id for incident in store.latest(("triggered",), 10)] == ["INC-000004"]


def test_operations_that_fail_together_leave_nothing(store):
    def breaks(_):
        raise sqlite3.IntegrityError

    with pytest.raises(sqlite3.IntegrityError):
        store.together([lambda s: take(s, event(), 1.0, room=True), breaks])
    assert keys(store) == set()
    store.together([lambda s: take(s, event(), 1.0, room=True)])
    assert keys(store) == {"k"}


def test_without_room_only_what_is_open_is_taken(store):
    assert take(store, event(), 1.0, room=False) == "full"
    take(store, event(), 1.0, room=True)
    assert take(store, event(), 2.0, room=False) != "full"


def test_removes_resolved_incidents_by_age(store):
    fill(store, 2, resolved=True, now=0.0)
    fill(store, 2, resolved=True, now=100_000.0)
    fill(store, 2, resolved=False, now=10.0)
    assert store.prune(Retention(days=1), now=100_100.0) == 2
    assert keys(store) == {"100000.0-0", "100000.0-1", "10.0-0", "10.0-1"}


def test_removes_the_oldest_resolved_incidents_beyond_the_count(store):
    fill(store, 3, resolved=False)
    fill(store, 5, resolved=True, now=100.0)
    assert store.prune(Retention(incidents=5), now=200.0) == 3
    assert keys(store) == {"0.0-0", "0.0-1", "0.0-2", "100.0-3", "100.0-4"}


def test_never_removes_an_open_incident(store):
    fill(store, 5, resolved=False)
    assert store.prune(Retention(days=0, incidents=1, max_bytes=1), now=1e9) == 0
    assert len(keys(store)) == 5


def test_gives_back_the_room_of_removed_incidents(store, path):
    fill(store, 50, resolved=True, details={"text": "x" * 100_000})
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.stat().st_size
    assert store.prune(Retention(max_bytes=2_000_000), now=100.0) == 50
    while store.together([Store.shrink])[0]:
        pass
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert before > 5_000_000
    assert path.stat().st_size < 1_000_000


def test_removing_an_incident_removes_its_timeline(store):
    fill(store, 2, resolved=True)
    store.prune(Retention(incidents=0), now=100.0)
    assert store._db.execute("SELECT count(*) FROM timeline").fetchone()[0] == 0


def test_a_timeline_keeps_its_beginning_and_its_end(store):
    for number in range(1_200):
        take(store, event(details={"firing_alerts": str(number % 2)}), float(number), room=True)
    press(store, Press(1, "resolve", "ann"), Policy.everyone(()), 2_000.0)
    timeline = store.find(1).timeline
    assert len(timeline) == 1_000
    assert (timeline[0].type, timeline[-1].type) == ("created", "closed")


def test_says_who_holds_the_store(store, path):
    with pytest.raises(StackError, match="locked") as refused:
        Store(path)
    assert refused.value.fix == "Stop the other pager that uses it, or choose another --home."


def test_says_that_a_file_is_no_store(path):
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StackError, match="file is not a database") as refused:
        Store(path)
    assert refused.value.fix == f"Move it away: mv {path} {path}.broken"


def test_says_that_a_newer_obskit_wrote_it(path):
    store = Store(path)
    store._db.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(StackError, match="version 99; this obskit knows 2"):
        Store(path)


def test_says_that_the_folder_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="cannot be used"):
        Store(tmp_path / "file" / "pager.db")


def test_takes_over_the_store_of_an_earlier_obskit(path):
    path.parent.mkdir()
    old = sqlite3.connect(path)
    old.executescript(f"{_schema._TABLES}PRAGMA user_version = 1;")
    old.execute(
        "INSERT INTO incidents (origin, dedup_key, status, urgency, severity, title, service, source, "
        "created_at, due_at, links, details) "
        "VALUES ('o', 'k', 'triggered', 'high', 'error', 'It broke', 's', 's', 1, 2, '[]', '{}')"
    )
    old.commit()
    old.close()
    store = Store(path)
    (incident,) = store.due(10.0, 5)
    assert (incident.title, incident.step, incident.acknowledged_by) == ("It broke", 0, "")
    store.close()
