"""A service's own database: SQLite by default, with one writer at a time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Column, MetaData, Table, delete, event, inspect, select, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.schema import CreateColumn

import obskit

__all__ = ["Database"]

_BUSY_TIMEOUT_MS = 5000
_POOL_S = 5.0
"""Seconds that a caller waits for a connection; whoever called the service has given up by then."""
_TRIM_ROWS = 2000
_REPLICA_S, _LEFT_ALONE_S = 1.0, 5.0


class Database:
    """Connections of one service to its database.

    SQLite takes one writer at a time. Writers of this process wait for each other in memory,
    in order and without polling; ``busy_timeout`` is for anybody else who opens the file.
    A commit survives the death of the process; the last ones may be lost with the power
    (``synchronous=NORMAL``), as JetStream's may with its default sync interval.

    With *replica_url*, reads that may be a moment late go to that copy.
    """

    def __init__(self, url: str, replica_url: str | None = None) -> None:
        self._is_sqlite = make_url(url).get_backend_name() == "sqlite"
        # Every connection here ends its own transaction, so that the pool need not do it again.
        options: dict[str, Any] = {"pool_reset_on_return": None} if self._is_sqlite else {}
        if make_url(url).database not in {None, "", ":memory:"}:
            options["pool_timeout"] = _POOL_S  # a database in memory has one connection, and no pool
        self.engine = obskit.instrument(create_async_engine(url, **options))
        self._writer = asyncio.Lock() if self._is_sqlite else nullcontext()
        if self._is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _configure)
            event.listen(self.engine.sync_engine, "begin", _begin)
        self._single = self.engine.execution_options(is_single_statement=True)
        # A connection of the pool whose server is gone must not be an error of the request that gets it.
        replica = create_async_engine(replica_url, pool_pre_ping=True) if replica_url else None
        self._replica = obskit.instrument(replica) if replica else None
        self._replica_away_until = 0.0
        self._log = obskit.get_logger()

    async def open(self, tables: MetaData) -> None:
        """Create the folder, the file and the tables where they are missing."""
        path = self.engine.url.database
        if self._is_sqlite and path and path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        async with self.write() as connection:
            await connection.run_sync(_create, tables)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        if self._replica is not None:
            await self._replica.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes; it commits at the end and rolls back on an error."""
        async with self._writer, self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def write_on(self, connection: AsyncConnection) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes, as :meth:`write` does, on a connection that the caller has."""
        async with self._writer, connection.begin():
            yield connection

    @asynccontextmanager
    async def write_once(self) -> AsyncIterator[AsyncConnection]:
        """Run one statement that writes: a transaction of its own, at half the cost of :meth:`write`."""
        async with self._writer, self._single.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Run one statement that only reads; it never waits for the writer."""
        async with self._single.connect() as connection:
            yield connection

    @asynccontextmanager
    async def read_late(self) -> AsyncIterator[AsyncConnection]:
        """Run statements that only read, and may miss what was written a moment ago.

        They go to the replica, where there is one; one that does not answer is left alone for 5 s.
        """
        async with AsyncExitStack() as closing:
            connection = await self._on_replica(closing)
            if connection is None:
                connection = await closing.enter_async_context(self.read())
            yield connection

    async def _on_replica(self, closing: AsyncExitStack) -> AsyncConnection | None:
        if self._replica is None or time.monotonic() < self._replica_away_until:
            return None
        try:
            async with asyncio.timeout(_REPLICA_S):
                return await closing.enter_async_context(self._replica.connect())
        except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError is one
            self._replica_away_until = time.monotonic() + _LEFT_ALONE_S
            self._log.warning("database.replica_away", error=type(error).__name__)
            return None

    async def check(self) -> None:
        """Raise when the database does not answer: the readiness check."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def trim(self, table: Table, age: Column[float], keep: int, *keeping: Any) -> int:
        """Delete the oldest rows beyond *keep*, except those that match *keeping*.

        Goes in short transactions, so that requests get their turn between them.
        """
        async with self.read() as connection:
            newest = select(age).order_by(age.desc()).offset(keep).limit(1)
            cutoff = (await connection.execute(newest)).scalar()
        deleted = 0
        while cutoff is not None:
            (key,) = table.primary_key.columns
            oldest = select(key).where(age <= cutoff, *keeping).limit(_TRIM_ROWS)
            async with self.write_once() as connection:
                result = await connection.execute(delete(table).where(key.in_(oldest)))
            deleted += result.rowcount
            if result.rowcount < _TRIM_ROWS:
                break
        return deleted


def _create(connection: Connection, tables: MetaData) -> None:
    tables.create_all(connection)
    # A file of an older version lacks the columns and indexes that were added since; all of those
    # columns may be empty.
    found = inspect(connection)
    for table in tables.sorted_tables:
        known = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))
        for index in table.indexes:
            index.create(connection, checkfirst=True)


def _configure(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN comes at the first write, too late for a snapshot: we send ours.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A statement alone is a transaction in SQLite. Without BEGIN around it it takes half the
    # trips to the driver's thread, and those are what a small query costs.
    if connection.get_execution_options().get("is_single_statement"):
        return
    # A deferred transaction that turns into a writer fails at once when another one wrote meanwhile.
    dbapi: Any = connection.connection.dbapi_connection
    dbapi.run_async(lambda driver: driver.execute("BEGIN IMMEDIATE"))
