"""The tables of the log store, and the connections to them."""

import fcntl
import os
import sqlite3
from pathlib import Path

from obskit.errors import StackError

__all__ = ["connect", "connect_reader", "hold"]

_VERSION = 1
_PAGE_BYTES = 8192
_CACHE_KB = 16_000
_READER_CACHE_KB = 4_000
_WAL_BYTES = 64 << 20

# Lines are kept in the order in which they are read: a stream's lines lie side by side, by
# their time. seq counts arrivals, so that lines of one moment keep their order.
_TABLES = """
CREATE TABLE streams (id INTEGER PRIMARY KEY, labels TEXT NOT NULL UNIQUE);
CREATE TABLE lines (
    stream  INTEGER NOT NULL,
    ts      INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    arrived INTEGER NOT NULL,
    line    TEXT NOT NULL,
    meta    TEXT,
    PRIMARY KEY (stream, ts, seq)
) WITHOUT ROWID;
CREATE TABLE arrivals (bucket INTEGER PRIMARY KEY, lines INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


# How far each file was read.
_FILES = """
CREATE TABLE files (
    device  INTEGER NOT NULL,
    inode   INTEGER NOT NULL,
    offset  INTEGER NOT NULL,
    head    BLOB NOT NULL,
    cutting INTEGER NOT NULL,
    PRIMARY KEY (device, inode)
);
"""


def hold(path: Path) -> int:
    """Keep other processes from writing to the store at *path*; return the lock, a file descriptor.

    Raises:
        StackError: another process writes to it, or the folder cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error, "Choose a --home that this user can write to.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        problem = OSError("another process writes to it")
        raise _unusable(path, problem, "Stop that process, or choose another --home.") from error
    return lock


def connect(path: Path, tables: str = _TABLES) -> sqlite3.Connection:
    """Open, or make, the store at *path* for writing; only this user may read it.

    It has *tables* and the one that knows how far each file was read.

    Raises:
        StackError: it cannot be used, or a newer obskit wrote it.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise _unusable(path, error, "Choose a --home that this user can write to.") from error
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path, tables)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _unusable(path, error, f"Move it away: mv {path} {path}.broken") from error
    return connection


def _unusable(path: Path, error: Exception, fix: str) -> StackError:
    return StackError(f"The log store {path} cannot be used: {error}.", fix=fix)


def _prepare(connection: sqlite3.Connection, path: Path, tables: str) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    # A killed process loses nothing. A power cut may lose the last moments, but offsets and
    # lines of tailed files together, so that those are read again.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        connection.close()
        msg = f"The log store {path} has version {version}; this obskit knows {_VERSION}."
        raise StackError(msg, fix="pip install --upgrade obskit-starter-kit")
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE;{tables}{_FILES}PRAGMA user_version = {_VERSION};COMMIT;")


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the log store at *path* for reading, beside the one that writes."""
    connection = sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KB}")
    return connection
