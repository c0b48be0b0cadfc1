"""Keeps log lines in SQLite: one thread writes, queries read beside it."""

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import orjson

from obskit.catalog import OVERFLOW
from obskit.embedded.logs._errors import PushError
from obskit.embedded.logs._retention import ARRIVAL_BUCKET_S, Cleaner, Retention
from obskit.embedded.logs._schema import connect, hold
from obskit.embedded.logs._writer import Writer

__all__ = ["Batch", "Entry", "FileState", "Store", "labels_text"]

MAX_STREAMS = 50_000
_TOO_MANY = 429

Entry = tuple[int, str, str | None]
"""Time in nanoseconds, line, structured metadata as a JSON object or None."""

_INSERT = "INSERT INTO lines (stream, ts, seq, arrived, line, meta) VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_NEW = (
    "INSERT INTO lines (stream, ts, seq, arrived, line, meta) SELECT ?1, ?2, ?3, ?4, ?5, ?6 "
    "WHERE NOT EXISTS (SELECT 1 FROM lines WHERE stream = ?1 AND ts = ?2 AND line = ?5)"
)
_COUNT = (
    "INSERT INTO arrivals VALUES (?, ?, ?) ON CONFLICT (bucket) "
    "DO UPDATE SET lines = lines + excluded.lines, bytes = bytes + excluded.bytes"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one stream; *labels* as :func:`labels_text` writes them."""

    labels: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class FileState:
    """How far a file was read: *offset* in bytes, *head* is how the file began.

    *cutting* is set while the rest of a line that is too long is being skipped.
    """

    device: int
    inode: int
    offset: int
    head: bytes
    cutting: bool = False


def labels_text(labels: Mapping[str, str]) -> str:
    """Return *labels* as the store knows a stream: equal labels give equal texts."""
    return orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()


class Store:
    """The lines in the file *path*, which is made when it is missing.

    Raises:
        StackError: the file cannot be used; the text says why and what to do.
    """

    def __init__(self, path: Path, retention: Retention, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._streams: dict[str, int] = {}
        self._listeners: list[Callable[[Sequence[Batch]], None]] = []
        self._lock = hold(path)
        connection = connect(path)
        row = connection.execute("SELECT value FROM facts WHERE name = 'seq'").fetchone()
        self._seq = row[0] if row else 0
        self._load(connection)
        self._connection = connection
        self._writer = Writer(connection, self._forget)
        self._cleaner = Cleaner(retention, clock)

    def _load(self, connection: sqlite3.Connection) -> None:
        self._streams = {
            labels: number for number, labels in connection.execute("SELECT id, labels FROM streams")
        }

    def _forget(self) -> None:
        self._load(self._connection)

    def listen(self, listener: Callable[[Sequence[Batch]], None]) -> None:
        """Call *listener* in the writing thread with the lines that were committed."""
        self._listeners.append(listener)

    def append(self, batches: Sequence[Batch]) -> "Future[None]":
        """Keep the lines of *batches* that are not there yet, in one transaction.

        The future raises :class:`PushError` when there are too many streams.
        """

        def operation(connection: sqlite3.Connection) -> None:
            self._check_room(batches)
            self._insert(connection, batches, _INSERT_NEW)

        return self._submit(operation, batches)

    def append_file(self, batches: Sequence[Batch], state: FileState) -> "Future[None]":
        """Keep the lines of *batches* and how far their file was read, in one transaction."""

        def operation(connection: sqlite3.Connection) -> None:
            self._insert(connection, batches, _INSERT)
            connection.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                (state.device, state.inode, state.offset, state.head, state.cutting),
            )

        return self._submit(operation, batches)

    def _submit(
        self, operation: Callable[[sqlite3.Connection], None], batches: Sequence[Batch]
    ) -> "Future[None]":
        future = self._writer.submit(operation)
        if self._listeners:
            future.add_done_callback(lambda done: self._tell(done, batches))
        return future

    def _tell(self, done: "Future[None]", batches: Sequence[Batch]) -> None:
        if done.exception() is None:
            for listener in self._listeners:
                listener(batches)

    def _check_room(self, batches: Sequence[Batch]) -> None:
        new = {batch.labels for batch in batches if batch.labels not in self._streams}
        if new and len(self._streams) + len(new) > MAX_STREAMS:
            msg = (
                f"Maximum active stream limit exceeded when trying to create stream {min(new)}, reduce the "
                "number of active streams (reduce labels or reduce label values), or contact your Loki "
                "administrator to see if the limit can be increased, user: 'fake'"
            )
            raise PushError(msg, status=_TOO_MANY)

    def _insert(self, connection: sqlite3.Connection, batches: Sequence[Batch], statement: str) -> None:
        arrived, size, count = int(self._clock()), 0, 0
        for batch in batches:
            stream = self._stream(connection, batch.labels)
            rows = []
            for ts, line, meta in batch.entries:
                self._seq += 1
                rows.append((stream, ts, self._seq, arrived, line, meta))
                size += len(line) + (len(meta) if meta else 0)
            connection.executemany(statement, rows)
            count += len(rows)
        if any("\0" in line for batch in batches for _, line, _ in batch.entries):
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('nul', 1)")
        if count:
            bucket = arrived - arrived % ARRIVAL_BUCKET_S
            connection.execute(_COUNT, (bucket, count, size))
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('seq', ?)", (self._seq,))

    def _stream(self, connection: sqlite3.Connection, labels: str) -> int:
        number = self._streams.get(labels)
        if number is None and len(self._streams) > MAX_STREAMS:
            labels = labels_text(dict.fromkeys(orjson.loads(labels), OVERFLOW))
            number = self._streams.get(labels)
        if number is None:
            number = connection.execute("INSERT INTO streams (labels) VALUES (?)", (labels,)).lastrowid
            assert number is not None  # noqa: S101 - an insert has a row; tells mypy
            self._streams[labels] = number
        return number

    def files(self) -> list[FileState]:
        """Return how far each known file was read."""

        def operation(connection: sqlite3.Connection) -> list[FileState]:
            rows = connection.execute("SELECT device, inode, offset, head, cutting FROM files")
            return [FileState(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]

        return self._writer.submit(operation).result()

    def forget_files(self, files: Sequence[tuple[int, int]]) -> None:
        """Forget files, by device and inode, that are gone."""
        self._writer.submit(
            lambda connection: connection.executemany(
                "DELETE FROM files WHERE device = ? AND inode = ?", files
            )
        ).result()

    def clean(self) -> bool:
        """Do one small step of removing what is too old or too much; return whether more is to do."""
        return self._writer.submit(self._clean).result()

    def _clean(self, connection: sqlite3.Connection) -> bool:
        more = self._cleaner.step(connection)
        if not more and self._cleaner.removed_streams:
            self._load(connection)
        return more

    def ping(self) -> None:
        """Raise unless the store can write."""
        self._writer.submit(
            lambda connection: connection.execute("INSERT OR REPLACE INTO facts VALUES ('ping', 1)")
        ).result(2)

    def close(self) -> None:
        """Finish what was asked for, and close the file."""
        self._writer.close()
        os.close(self._lock)
