"""The tables of the incident store and the file that holds them."""

import os
import sqlite3
from pathlib import Path

from obskit.errors import StackError

__all__ = ["connect"]

_VERSION = 2

_TABLES = """
CREATE TABLE incidents (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,  -- a number is never given twice
    origin          TEXT NOT NULL,
    dedup_key       TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('triggered', 'acknowledged', 'resolved')),
    urgency         TEXT NOT NULL CHECK (urgency IN ('high', 'low')),
    severity        TEXT NOT NULL,
    title           TEXT NOT NULL,
    service         TEXT NOT NULL,
    source          TEXT NOT NULL,
    created_at      REAL NOT NULL,
    occurred_at     REAL,
    acknowledged_at REAL,
    resolved_at     REAL,
    due_at          REAL,
    links           TEXT NOT NULL,
    details         TEXT NOT NULL
);
CREATE UNIQUE INDEX incidents_open ON incidents (origin, dedup_key) WHERE status != 'resolved';
CREATE INDEX incidents_resolved ON incidents (resolved_at) WHERE status = 'resolved';
CREATE INDEX incidents_due ON incidents (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX incidents_status ON incidents (status, urgency);
CREATE TABLE timeline (
    id       INTEGER PRIMARY KEY,
    incident INTEGER NOT NULL REFERENCES incidents (number) ON DELETE CASCADE,
    at       REAL NOT NULL,
    type     TEXT NOT NULL,
    message  TEXT NOT NULL,
    count    INTEGER NOT NULL DEFAULT 1,
    last_at  REAL
);
CREATE INDEX timeline_incident ON timeline (incident, id);
CREATE TABLE facts (name TEXT PRIMARY KEY, value REAL NOT NULL);
"""

_MORE_IN_2 = """
ALTER TABLE incidents ADD COLUMN acknowledged_by TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN retriggered INTEGER NOT NULL DEFAULT 0;
CREATE TABLE deliveries (  -- what somebody is still to be told
    incident INTEGER NOT NULL REFERENCES incidents (number) ON DELETE CASCADE,
    notifier TEXT NOT NULL,
    step     INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at   REAL NOT NULL,
    PRIMARY KEY (incident, notifier)
);
CREATE INDEX deliveries_due ON deliveries (notifier, due_at);
CREATE TABLE changes (  -- change events: what somebody did to the system
    id       INTEGER PRIMARY KEY,
    at       REAL NOT NULL,
    summary  TEXT NOT NULL,
    source   TEXT NOT NULL,
    links    TEXT NOT NULL,
    details  TEXT NOT NULL
);
CREATE INDEX changes_at ON changes (at);
"""

_STEPS = (_TABLES, _MORE_IN_2)
"""What makes each version out of the one before it."""


def connect(path: Path) -> sqlite3.Connection:
    """Open, or make, the incident store at *path*; only this process and user may use it.

    Raises:
        StackError: it is no incident store, a newer obskit wrote it, or another pager has it open.
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
        if "locked" in str(error):
            fix = "Stop the other pager that uses it, or choose another --home."
        else:
            fix = f"Move it away: mv {path} {path}.broken"
        raise _unusable(path, error, fix) from error
    return connection


def _unusable(path: Path, error: Exception, fix: str) -> StackError:
    return StackError(f"The incident store {path} cannot be used: {error}.", fix=fix)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA busy_timeout = 2000")
    # Two pagers on one store would notify twice.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    # An answered event survives a power cut, not only a killed process.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        connection.close()
        msg = f"The incident store {path} has version {version}; this obskit knows {_VERSION}."
        raise StackError(msg, fix="pip install --upgrade obskit-starter-kit")
    if version < _VERSION:
        missing = "".join(_STEPS[version:])
        connection.executescript(f"BEGIN IMMEDIATE;{missing}PRAGMA user_version = {_VERSION};COMMIT;")
