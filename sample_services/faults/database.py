"""Databases that are locked, away or slow, and pools that are empty."""

import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool, QueuePool

import obskit
from sample_services.faults._active import Active, Mechanism

__all__ = ["DropIndex", "HoldConnections", "LockWriter", "LoseDatabase"]

_SPAN = "fault.hold"
_EVERY_S = 0.2
_ALWAYS = 100
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWriter(Mechanism):
    """Another connection holds the write lock, for the level's share of every *cycle_s* seconds.

    On PostgreSQL it locks *table*; SQLite has one lock for the whole file.
    """

    table: str
    cycle_s: float = 4.0

    def running(self, on: Active) -> AbstractAsyncContextManager[None]:
        """Take the lock again and again; at 100 % keep it."""
        engine = create_async_engine(on.need(on.reach.database).engine.url, poolclass=NullPool)

        async def hold() -> None:
            # The service has the lock itself, or has none to take: tried again after the pause.
            with obskit.span(_SPAN), suppress(OperationalError):
                async with engine.connect() as connection:
                    await self._lock(connection)
                    on.leave_evidence(table=self.table)
                    await on.wait(None if on.level == _ALWAYS else self.cycle_s * on.share)
                    await connection.rollback()

        return on.repeating(max(_EVERY_S, self.cycle_s * (1 - on.share)), hold)

    async def _lock(self, connection: AsyncConnection) -> None:
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            await connection.exec_driver_sql(f"LOCK TABLE {self.table} IN SHARE ROW EXCLUSIVE MODE")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseDatabase(Mechanism):
    """Connections break when they are taken from the pool, and new ones find no database."""

    @asynccontextmanager
    async def running(self, on: Active) -> AsyncIterator[None]:
        """Send the driver to where no database is."""
        engine = on.need(on.reach.database).engine.sync_engine
        lost: list[bool] = []

        def connect(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
            if not lost:
                return
            lost.clear()
            if engine.dialect.name == "sqlite":
                arguments[0] = f"{arguments[0]}.gone/none.db"
            else:
                options["port"] = 1

        def check_out(_connection: Any, _record: Any, _proxy: Any) -> None:
            if on.takes():
                on.leave_evidence()
                lost.append(True)
                raise DisconnectionError

        event.listen(engine, "do_connect", connect)
        event.listen(engine, "checkout", check_out)
        try:
            yield
        finally:
            event.remove(engine, "checkout", check_out)
            event.remove(engine, "do_connect", connect)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldConnections(Mechanism):
    """Connections of the pool are taken and not given back: the level's share of all that there may be."""

    @asynccontextmanager
    async def running(self, on: Active) -> AsyncIterator[None]:
        """Take them, one after the other, as they come free."""
        engine = on.need(on.reach.database).engine
        wanted = math.ceil(_most(engine.pool) * on.share)
        held: list[AsyncConnection] = []
        async with AsyncExitStack() as giving_back:

            async def take() -> None:
                if len(held) < wanted:
                    with obskit.span(_SPAN), suppress(PoolTimeoutError):
                        held.append(await giving_back.enter_async_context(engine.connect()))
                        on.leave_evidence(held=len(held))

            async with on.repeating(_EVERY_S / 10, take):
                yield


@dataclass(frozen=True, slots=True, kw_only=True)
class DropIndex(Mechanism):
    """The *index* of a table is dropped, and the table grows: by *rows* at 100 %."""

    index: str
    rows: int

    @asynccontextmanager
    async def running(self, on: Active) -> AsyncIterator[None]:
        """Drop the index, and let the table grow; make the index again at the end, and delete what was added."""
        database, history = on.need(on.reach.database), on.need(on.reach.history)
        index = next(each for each in history.table.indexes if each.name == self.index)
        wanted, added = math.ceil(self.rows * on.share), 0

        async def grow() -> None:
            nonlocal added
            rows = min(_ROWS_AT_ONCE, wanted - added)
            if rows:
                with suppress(OperationalError):  # somebody else writes: the next round comes at once
                    await history.fill(rows)
                    added += rows

        # A connection kept for the end: whoever waits for slow statements holds all others of the pool.
        async with database.engine.connect() as own:
            try:
                async with database.write_on(own):
                    await own.run_sync(index.drop, checkfirst=True)
                with obskit.span(_SPAN):
                    on.leave_evidence(index=self.index)
                async with on.repeating(_EVERY_S / 10, grow):
                    yield
            finally:
                try:
                    # First of all: while every statement reads the whole table, rows are deleted slowly.
                    async with database.write_on(own):
                        await own.run_sync(index.create, checkfirst=True)
                finally:
                    await history.clear()


def _most(pool: Any) -> int:
    if not isinstance(pool, QueuePool):
        return 1
    return pool.size() + max(0, pool._max_overflow)  # noqa: SLF001 - there is no public door to it
