"""Keeps incidents in SQLite. One thread at a time: see :class:`obskit.pager._writer.Writer`."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import orjson

from obskit.pager._change_log import ChangeLog
from obskit.pager._changes import Change
from obskit.pager._incident import STATUSES, Entry, Incident, Link
from obskit.pager._outbox import Outbox
from obskit.pager._schema import connect

__all__ = ["Retention", "Store"]

_COLUMNS = tuple(field.name for field in fields(Incident) if field.name not in {"number", "timeline"})
_INSERT = f"INSERT INTO incidents ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own column names
_UPDATE = f"UPDATE incidents SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE number = ?"  # noqa: S608 - as above
T = TypeVar("T")
_MAX_TIMELINE = 1_000
_BATCH = 100
_COUNTED = frozenset({"duplicate_suppressed", "notification_failed"})
"""Entries that a sender or a broken notifier may repeat without end."""
_PAGES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What the store keeps of resolved incidents; open ones are never removed."""

    days: float = 90.0
    incidents: int = 10_000
    max_bytes: int = 512_000_000


class Store:
    """The incidents in the file *path*, which is made when it is missing.

    Raises:
        StackError: the file cannot be used; the text says why and what to do.
    """

    def __init__(self, path: Path) -> None:
        self._db = connect(path)
        self._db.row_factory = sqlite3.Row
        self.outbox = Outbox(self._db)
        """What somebody is still to be told."""
        self.changes = ChangeLog(self._db)
        """What somebody did to the system."""

    def close(self) -> None:
        """Close the file; what was committed is safe without it."""
        self._db.close()

    def together(self, operations: Sequence[Callable[["Store"], T]]) -> list[T]:
        """Run *operations* in one transaction and return their results, in order, once it is on disk."""
        with self._transaction():
            return [operation(self) for operation in operations]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def current(self, origin: str, dedup_key: str) -> Incident | None:
        """Return the open incident of a key, without its timeline."""
        row = self._db.execute(
            "SELECT * FROM incidents WHERE origin = ? AND dedup_key = ? AND status != 'resolved'",
            (origin, dedup_key),
        ).fetchone()
        return None if row is None else _incident(row)

    def find(self, number: int) -> Incident | None:
        """Return one incident with its timeline."""
        found = self._with_timelines(self._db.execute("SELECT * FROM incidents WHERE number = ?", (number,)))
        return found[0] if found else None

    def peek(self, number: int) -> Incident | None:
        """Return one incident without its timeline."""
        row = self._db.execute("SELECT * FROM incidents WHERE number = ?", (number,)).fetchone()
        return None if row is None else _incident(row)

    def latest(self, statuses: Iterable[str], limit: int) -> list[Incident]:
        """Return incidents with their timelines, newest first."""
        wanted = [status for status in STATUSES if status in set(statuses)]
        return self._with_timelines(
            self._db.execute(
                f"SELECT * FROM incidents WHERE status IN ({', '.join('?' * len(wanted))}) "  # noqa: S608 - placeholders
                "ORDER BY number DESC LIMIT ?",
                (*wanted, limit),
            )
        )

    def due(self, now: float, limit: int) -> list[Incident]:
        """Return the incidents whose next step of escalation is due, oldest first, without timelines."""
        rows = self._db.execute(
            "SELECT * FROM incidents WHERE due_at <= ? ORDER BY due_at, number LIMIT ?", (now, limit)
        )
        return [_incident(row) for row in rows]

    def open_pages(self) -> list[Incident]:
        """Return the open incidents of high urgency, without timelines."""
        rows = self._db.execute("SELECT * FROM incidents WHERE status != 'resolved' AND urgency = 'high'")
        return [_incident(row) for row in rows]

    def tell_again(self, number: int, now: float) -> None:
        """Let the last step of a triggered incident's escalation be taken once more."""
        self._db.execute(
            "UPDATE incidents SET due_at = ?, step = max(step - 1, 0) "
            "WHERE number = ? AND status = 'triggered'",
            (now, number),
        )

    def time_acknowledged(self, timeout_s: float | None) -> None:
        """Let acknowledged incidents of high urgency trigger again *timeout_s* after it; None is never."""
        self._db.execute(
            "UPDATE incidents SET due_at = acknowledged_at + ? "
            "WHERE status = 'acknowledged' AND urgency = 'high'",
            (timeout_s,),
        )

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many incidents there are by urgency and status."""
        rows = self._db.execute("SELECT urgency, status, count(*) FROM incidents GROUP BY status, urgency")
        return {(urgency, status): count for urgency, status, count in rows}

    def apply(self, change: Change) -> Change:
        """Write *change* and return it; a new incident has its number from here on."""
        incident = change.incident
        if incident.number:
            self._db.execute(_UPDATE, (*_values(incident), incident.number))
        else:
            number = self._db.execute(_INSERT, _values(incident)).lastrowid
            assert number is not None  # noqa: S101 - an insert has a row; tells mypy
            incident = replace(incident, number=number)
        if incident.status != "triggered":
            self.outbox.drop(incident.number)
        for entry in change.entries:
            self._add(incident.number, entry)
        return replace(change, incident=incident)

    def append(self, number: int, entry: Entry) -> None:
        """Add a line to an incident's timeline; nothing happens when it was removed meanwhile."""
        if self.peek(number) is not None:
            self._add(number, entry)

    def note(self, name: str, value: float) -> None:
        """Keep a number under *name*."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def noted(self, name: str) -> float | None:
        """Return the number kept under *name*."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else float(row["value"])

    def prune(self, retention: Retention, now: float) -> int:
        """Remove resolved incidents beyond *retention*, oldest first; return how many."""
        self.changes.prune(now - retention.days * 86_400)
        removed = self._remove("resolved_at < ?", (now - retention.days * 86_400, -1))
        (total,) = self._db.execute("SELECT count(*) FROM incidents").fetchone()
        if total > retention.incidents:
            removed += self._remove("TRUE", (total - retention.incidents,))
        while self._bytes() > retention.max_bytes and (more := self._remove("TRUE", (_BATCH,))):
            removed += more
        return removed

    def shrink(self) -> int:
        """Give room of removed incidents back to the file system, a part at a time; return what is left."""
        free = self._pragma("freelist_count")
        # One statement frees one page: sqlite3 steps it once, whatever number it names.
        for _ in range(min(free, _PAGES)):
            self._db.execute("PRAGMA incremental_vacuum(1)")
        return self._pragma("freelist_count")

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def _bytes(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    def _remove(self, condition: str, values: tuple[float, ...]) -> int:
        return self._db.execute(
            "DELETE FROM incidents WHERE number IN (SELECT number FROM incidents "  # noqa: S608 - conditions of this file
            f"WHERE status = 'resolved' AND {condition} ORDER BY resolved_at, number LIMIT ?)",
            values,
        ).rowcount

    def _add(self, number: int, entry: Entry) -> None:
        if not self._counted(number, entry):
            self._db.execute(
                "INSERT INTO timeline (incident, at, type, message) VALUES (?, ?, ?, ?)",
                (number, entry.at, entry.type, entry.message),
            )
            # The beginning tells what happened, the end where things stand: the middle gives way.
            self._db.execute(
                "DELETE FROM timeline WHERE id = (SELECT id FROM timeline WHERE incident = ? "
                "AND type IN ('duplicate_suppressed', 'alert_joined', 'alert_left', 'notification_failed') "
                "AND (SELECT count(*) FROM timeline WHERE incident = ?) > ? ORDER BY id LIMIT 1)",
                (number, number, _MAX_TIMELINE),
            )

    def _counted(self, number: int, entry: Entry) -> bool:
        if entry.type not in _COUNTED:
            return False
        changed = self._db.execute(
            "UPDATE timeline SET count = count + 1, last_at = ? WHERE type = ? AND message = ? "
            "AND id = (SELECT max(id) FROM timeline WHERE incident = ?)",
            (entry.at, entry.type, entry.message, number),
        )
        return changed.rowcount == 1

    def _with_timelines(self, rows: Iterable[sqlite3.Row]) -> list[Incident]:
        incidents = [_incident(row) for row in rows]
        return [replace(incident, timeline=self._timeline(incident.number)) for incident in incidents]

    def _timeline(self, number: int) -> tuple[Entry, ...]:
        rows = self._db.execute(
            "SELECT at, type, message, count, last_at FROM timeline WHERE incident = ? ORDER BY id", (number,)
        )
        return tuple(Entry(*row) for row in rows)


def _values(incident: Incident) -> tuple[Any, ...]:
    plain: Mapping[str, Any] = {
        "links": orjson.dumps([[link.href, link.text] for link in incident.links]).decode(),
        "details": orjson.dumps(incident.details).decode(),
    }
    return tuple(plain.get(name, getattr(incident, name)) for name in _COLUMNS)


def _incident(row: sqlite3.Row) -> Incident:
    values: dict[str, Any] = dict(row)
    values["links"] = tuple(Link(*pair) for pair in orjson.loads(values["links"]))
    values["details"] = orjson.loads(values["details"])
    return Incident(**values)
