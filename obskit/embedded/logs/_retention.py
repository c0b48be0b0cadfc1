"""Removes lines by their age since arrival and by the size of the store, a few at a time."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ARRIVAL_BUCKET_S", "Cleaner", "Retention"]

ARRIVAL_BUCKET_S = 10
"""Arrivals are counted in spans of this many seconds."""
_DAY_S = 86_400
_STEP_ROWS = 10_000
_VACUUM_PAGES = 500
_ROOM = 0.9

_Place = tuple[int, int, int]
_START: _Place = (-1, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What the store keeps: *days* since arrival, and *max_bytes* of file."""

    days: float = 7.0
    max_bytes: int = 2_000_000_000


class Cleaner:
    """Walks through the store and removes what arrived before a moment.

    There is no index by arrival: it would cost every line that comes in, and a walk costs
    a second a million lines, once, when there is something to remove.
    """

    def __init__(self, retention: Retention, clock: Callable[[], float]) -> None:
        self._retention = retention
        self._clock = clock
        self._before = 0
        self._place = _START
        self.removed_streams = False

    def step(self, connection: sqlite3.Connection) -> bool:
        """Remove a few lines; return whether more is to do."""
        if not self._before:
            self._before = self._cutoff(connection)
            self._place, self.removed_streams = _START, False
        if not self._before:
            return self._shrink(connection)
        if not self._walk(connection):
            self._finish(connection)
        return True

    def _cutoff(self, connection: sqlite3.Connection) -> int:
        """Return the moment before which arrivals are to be removed, or 0."""
        oldest, newest = connection.execute("SELECT min(bucket), max(bucket) FROM arrivals").fetchone()
        if oldest is None:
            return 0
        by_age = int(self._clock() - self._retention.days * _DAY_S)
        cutoff = max(by_age - by_age % ARRIVAL_BUCKET_S, min(self._by_size(connection), newest))
        return cutoff if cutoff > oldest else 0

    def _by_size(self, connection: sqlite3.Connection) -> int:
        used = _used_bytes(connection)
        if used <= self._retention.max_bytes:
            return 0
        (total,) = connection.execute("SELECT sum(bytes) FROM arrivals").fetchone()
        excess = total * (1 - self._retention.max_bytes * _ROOM / used)
        for bucket, size in connection.execute("SELECT bucket, bytes FROM arrivals ORDER BY bucket"):
            excess -= size
            if excess <= 0:
                return int(bucket) + ARRIVAL_BUCKET_S
        return 0

    def _walk(self, connection: sqlite3.Connection) -> bool:
        rows = connection.execute(
            "SELECT stream, ts, seq, arrived FROM lines WHERE (stream, ts, seq) > (?, ?, ?) "
            "ORDER BY stream, ts, seq LIMIT ?",
            (*self._place, _STEP_ROWS),
        ).fetchall()
        connection.executemany(
            "DELETE FROM lines WHERE stream = ? AND ts = ? AND seq = ?",
            [row[:3] for row in rows if row[3] < self._before],
        )
        if rows:
            self._place = rows[-1][:3]
        return len(rows) == _STEP_ROWS

    def _finish(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM arrivals WHERE bucket < ?", (self._before,))
        removed = connection.execute(
            "DELETE FROM streams WHERE NOT EXISTS (SELECT 1 FROM lines WHERE stream = streams.id)"
        )
        self.removed_streams = removed.rowcount > 0
        self._before = 0

    def _shrink(self, connection: sqlite3.Connection) -> bool:
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        if free > _VACUUM_PAGES:
            connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
            return True
        return False


def _used_bytes(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)
