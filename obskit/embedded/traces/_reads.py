"""Reads the store beside its writer: each thread has a connection, each request a deadline."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from obskit.embedded.traces._clock import Clock
from obskit.embedded.traces._errors import RequestError
from obskit.embedded.traces.traceql import Clause, Span, SpanOwner, Trace, matcher

__all__ = ["Reads", "Row", "Snapshot", "Window"]

T = TypeVar("T")

Row = tuple[int, bytes, int, int, str, str]
"""A trace: its number, its id, start and end in nanoseconds, service and name of its root."""
Window = tuple[int, int]
"""Nanoseconds from and to; a trace that overlaps them is in it."""

_STEPS = 20_000
_MAX_WAITING = 200
_TRACE = "SELECT t.id, t.trace_id, t.start_ns, t.end_ns, t.root_service, t.root_name FROM traces t"
_SPANS = (
    "SELECT span_id, parent_id, name, kind, status, start_ns, duration_ns, resource, scope, body "
    "FROM spans WHERE trace = ? ORDER BY start_ns, span_id"
)


class Snapshot:
    """The store as it was when the request began."""

    def __init__(self, db: sqlite3.Connection, expires: float, clock: Clock) -> None:
        self._db = db
        self._expires = expires
        self._clock = clock
        self._owners: dict[int, SpanOwner] = {}

    def rows(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Return what a statement of SQL finds."""
        return self._db.execute(sql, values)

    def check(self) -> None:
        """Raise :class:`RequestError` when the request has taken too long."""
        if self._clock.monotonic() > self._expires:
            raise too_slow()

    def traces(self, window: Window | None, clause: Clause | None) -> Iterator[Row]:
        """Yield the traces in *window* that meet *clause*, newest first."""
        conditions: list[str] = []
        values: tuple[object, ...] = ()
        if window is not None:
            conditions.append("t.start_ns <= ? AND t.end_ns >= ?")
            values = (window[1], window[0])
        if clause is not None:
            conditions.append(clause.sql)
            values += clause.values
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        yield from self._db.execute(f"{_TRACE}{where} ORDER BY t.start_ns DESC", values)

    def find(self, trace_id: bytes) -> Row | None:
        """Return the trace *trace_id*."""
        row: Row | None = self._db.execute(f"{_TRACE} WHERE t.trace_id = ?", (trace_id,)).fetchone()
        return row

    def trace(self, row: Row) -> Trace:
        """Return the trace of *row* with all of its spans."""
        number, trace_id, start, end, service, name = row
        owner, known = self.owner, self._owners
        spans = [
            Span(  # by place: by name it would take twice as long
                row[0],
                row[1],
                row[2],
                row[3],
                row[4],
                row[5],
                row[6],
                known.get(row[7]) or owner(row[7]),
                known.get(row[8]) or owner(row[8]),
                row[9],
            )
            for row in self._db.execute(_SPANS, (number,))
        ]
        return Trace(trace_id, start, end, service, name, spans)

    def owner(self, number: int) -> SpanOwner:
        """Return a resource or an instrumentation scope."""
        found = self._owners.get(number)
        if found is None:
            (body,) = self._db.execute("SELECT body FROM owners WHERE id = ?", (number,)).fetchone()
            found = self._owners[number] = SpanOwner.of(body)
        return found


class Reads:
    """Runs requests on *path*, two at a time, each for *timeout_s* seconds at most."""

    def __init__(self, path: Path, clock: Clock, *, timeout_s: float) -> None:
        self._path = path
        self._clock = clock
        self._timeout_s = timeout_s
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="trace-reads")
        self._waiting = 0

    async def run(self, work: Callable[[Snapshot], T]) -> T:
        """Return what *work* finds, away from the event loop.

        Raises:
            RequestError: it took too long, or too many are waiting.
        """
        if self._waiting >= _MAX_WAITING:
            msg = "too many queries are waiting; try again later"
            raise RequestError(msg, status=429)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let running requests end, and close the file."""
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()

    def _work(self, work: Callable[[Snapshot], T]) -> T:
        expires = self._clock.monotonic() + self._timeout_s
        connection = self._connection()
        connection.set_progress_handler(lambda: self._clock.monotonic() > expires, _STEPS)
        try:
            with _reading(connection):
                return work(Snapshot(connection, expires, self._clock))
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise too_slow() from error
            raise

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            found.execute("PRAGMA query_only = ON")
            found.execute("PRAGMA busy_timeout = 5000")
            found.execute("PRAGMA cache_size = -16000")
            found.create_function("re2_match", 2, _matches, deterministic=True)
            self._local.connection = found
            self._connections.append(found)
        return found


def too_slow() -> RequestError:
    """Return the refusal of a request that took too long."""
    return RequestError(
        "the query took too long; narrow its time range or its conditions, or lower its limit"
    )


@contextmanager
def _reading(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _matches(pattern: str, text: object) -> bool:
    return isinstance(text, str) and matcher(pattern)(text)
