"""The tables of the trace store and the file that holds them."""

import os
import sqlite3
from pathlib import Path

from obskit.errors import StackError

__all__ = ["INTRINSIC", "SCOPES", "connect"]

_VERSION = 1
_WAL_BYTES = 64 << 20

SCOPES = {"resource": 1, "span": 2, "event": 3, "link": 4, "instrumentation": 5}
"""Numbers of the attribute scopes in the column ``attrs.scope``."""
INTRINSIC = 6
"""The number of what every span has: name, kind, status, status message, names of its events."""

_TABLES = """
CREATE TABLE traces (
    id            INTEGER PRIMARY KEY,
    trace_id      BLOB NOT NULL UNIQUE,
    start_ns      INTEGER NOT NULL,
    end_ns        INTEGER NOT NULL,
    root_service  TEXT NOT NULL,
    root_name     TEXT NOT NULL,
    root_start    INTEGER NOT NULL,             -- of the root span; the largest number while there is none
    min_duration  INTEGER NOT NULL,             -- of its spans
    max_duration  INTEGER NOT NULL,
    spans         INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    first_arrived REAL NOT NULL,
    arrived_at    REAL NOT NULL
);
CREATE INDEX traces_start ON traces (start_ns);
CREATE INDEX traces_arrived ON traces (arrived_at);
-- Batches share their resource and their instrumentation scope.
CREATE TABLE owners (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE, name TEXT NOT NULL, used_at REAL NOT NULL);
CREATE TABLE spans (
    trace       INTEGER NOT NULL,
    span_id     BLOB NOT NULL,
    kind        INTEGER NOT NULL,
    parent_id   BLOB NOT NULL,
    resource    INTEGER NOT NULL,
    scope       INTEGER NOT NULL,
    name        TEXT NOT NULL,
    status      INTEGER NOT NULL,
    start_ns    INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (trace, span_id, kind)
) WITHOUT ROWID;
-- Which values the attributes of a trace have: what a search selects by.
CREATE TABLE attrs (
    id    INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    key   TEXT NOT NULL,
    type  INTEGER NOT NULL,
    value NOT NULL,
    UNIQUE (scope, key, type, value)
);
CREATE TABLE postings (attr INTEGER NOT NULL, trace INTEGER NOT NULL, PRIMARY KEY (attr, trace)) WITHOUT ROWID;
CREATE INDEX postings_trace ON postings (trace);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open, or make, the trace store at *path* for its one writer; only this user may read it.

    Raises:
        StackError: the file cannot be used; the text says why and what to do.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise _unusable(path, error, "Choose a --home that this user can write to.") from error
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        locked = "locked" in str(error)
        fix = "Stop the other backend that uses it, or choose another --home."
        raise _unusable(path, error, fix if locked else f"Move it away: mv {path} {path}.broken") from error
    return connection


def _unusable(path: Path, error: Exception, fix: str) -> StackError:
    return StackError(f"The trace store {path} cannot be used: {error}.", fix=fix)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    # A killed process loses nothing; only a power cut could lose the last moments.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -16000")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        connection.close()
        msg = f"The trace store {path} has version {version}; this obskit knows {_VERSION}."
        raise StackError(msg, fix="pip install --upgrade obskit-starter-kit")
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version = {_VERSION};COMMIT;")
