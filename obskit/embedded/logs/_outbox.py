"""Keeps lines between the file that they were read from and the Loki that they go to."""

import os
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from obskit.embedded.logs._schema import connect, hold
from obskit.embedded.logs._store import Batch, FileState

__all__ = ["Outbox", "Parcel"]

MAX_WAITING_BYTES = 32 << 20
"""Beyond it nothing more is read: the files themselves are the buffer."""
_TOGETHER_BYTES = 1 << 20
_TABLES = "CREATE TABLE parcels (id INTEGER PRIMARY KEY, streams BLOB NOT NULL, lines INTEGER NOT NULL);"


@dataclass(frozen=True, slots=True)
class Parcel:
    """Lines that go in one push: *streams* is JSON, the inside of Loki's list of streams."""

    ids: tuple[int, ...]
    streams: bytes
    lines: int


class Outbox:
    """Lines in the file *path* that wait to be shipped, with how far their files were read.

    Both are written in one transaction, and a line keeps the time that it got when it was
    read. So what is sent again after a crash is the same line, which Loki keeps once.

    Raises:
        StackError: the file cannot be used; the text says why and what to do.
    """

    def __init__(self, path: Path) -> None:
        self._lock = hold(path)
        self._db = connect(path, _TABLES)
        self._changed = threading.Condition()
        self._stopping = False
        row = self._db.execute("SELECT coalesce(sum(length(streams)), 0) FROM parcels").fetchone()
        self._bytes = int(row[0])

    @property
    def waiting_bytes(self) -> int:
        """What was read and has not been taken yet."""
        return self._bytes

    def files(self) -> list[FileState]:
        """Return how far each known file was read."""
        with self._changed:
            rows = self._db.execute("SELECT device, inode, offset, head, cutting FROM files").fetchall()
        return [FileState(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]

    def append_file(self, batches: Sequence[Batch], state: FileState) -> "Future[None]":
        """Keep the lines of *batches* and how far their file was read; waits while there is no room."""
        future: Future[None] = Future()
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._bytes < MAX_WAITING_BYTES)
            try:
                self._write(batches, state)
            except sqlite3.Error as error:
                future.set_exception(error)
                return future
            self._changed.notify_all()
        future.set_result(None)
        return future

    def _write(self, batches: Sequence[Batch], state: FileState) -> None:
        streams = b",".join(map(_stream, batches))
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if streams:
                lines = sum(len(batch.entries) for batch in batches)
                self._db.execute("INSERT INTO parcels (streams, lines) VALUES (?, ?)", (streams, lines))
            self._db.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                (state.device, state.inode, state.offset, state.head, state.cutting),
            )
        self._bytes += len(streams)

    def forget_files(self, files: Sequence[tuple[int, int]]) -> None:
        """Forget files, by device and inode, that are gone."""
        with self._changed:
            self._db.executemany("DELETE FROM files WHERE device = ? AND inode = ?", files)

    def next(self, wait_s: float, *, alone: bool = False) -> Parcel | None:
        """Return the oldest lines, or None when there are none for *wait_s* seconds.

        Lines that were kept one after the other go together, unless they are to go *alone*.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._bytes > 0, wait_s)
            found: list[tuple[int, bytes, int]] = []
            size = 0
            for row in self._db.execute("SELECT id, streams, lines FROM parcels ORDER BY id"):
                size += len(row[1])
                if found and (alone or size > _TOGETHER_BYTES):
                    break
                found.append(row)
        if not found:
            return None
        ids, streams, lines = zip(*found, strict=True)
        return Parcel(ids, b",".join(streams), sum(lines))

    def remove(self, parcel: Parcel) -> None:
        """Forget lines that were taken, or refused for good."""
        with self._changed:
            self._db.executemany("DELETE FROM parcels WHERE id = ?", [(number,) for number in parcel.ids])
            self._bytes -= len(parcel.streams) - (len(parcel.ids) - 1)
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def close(self) -> None:
        """Close the file; what waits there is sent by the next process."""
        self._db.close()
        os.close(self._lock)


def _stream(batch: Batch) -> bytes:
    values: list[list[Any]] = [
        [str(ts), line, *([orjson.Fragment(metadata)] if metadata else [])]
        for ts, line, metadata in batch.entries
    ]
    return orjson.dumps({"stream": orjson.Fragment(batch.labels), "values": values})
