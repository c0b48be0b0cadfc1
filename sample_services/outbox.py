"""Transactional outbox: an event is written in the transaction that it tells of, and published after it.

So there is no moment at which the one exists without the other. What a crash leaves between
publishing and noting it is published again under the same message id, and dropped by the broker.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

import obskit
from sample_services.broker import Broker, BrokerError
from sample_services.database import Database
from sample_services.tasks import end

__all__ = ["Event", "Outbox"]

_BATCH = 100
_POLL_S = 1.0
_RETRY_S = 0.5
_KEPT = 10_000
_NAME = "outbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event that is to be published: its message id is its name for ever."""

    message_id: str
    subject: str
    body: bytes
    due_in_s: float = 0.0
    """Seconds until it is published, unless it is withdrawn before."""
    repeat_s: float | None = None
    """Seconds after which it is published anew, under another message id, unless it is withdrawn."""


class Outbox:
    """The outbox table of one service, and the relay that publishes from it."""

    def __init__(self, database: Database, tables: MetaData) -> None:
        self._database = database
        self._log = obskit.get_logger()
        self._wake = asyncio.Event()
        self.table = table = _table(tables)
        self._insert = insert(table)
        self._withdraw = delete(table).where(table.c.message_id == bindparam("withdrawn"))
        due = table.c.due_at <= bindparam("now")
        self._due = select(table).where(due).order_by(table.c.due_at).limit(_BATCH)
        self._published = (
            update(table)
            .where(table.c.message_id == bindparam("published"))
            .values(due_at=bindparam("now") + table.c.repeat_s, times=table.c.times + 1)
        )
        self._state = select(func.count(), func.min(table.c.due_at)).where(due)

    async def add(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
        """Write *events* in the caller's transaction, with the trace of the current request."""
        now = time.time()
        headers = json.dumps(obskit.message_headers())
        rows = [_row(event, headers, now) for event in events]
        await connection.execute(self._insert, rows)

    async def withdraw(self, connection: AsyncConnection, message_id: str) -> None:
        """Forget an event in the caller's transaction: nobody needs to hear of it any more."""
        await connection.execute(self._withdraw, {"withdrawn": message_id})

    def wake(self) -> None:
        """Say that a transaction with events has ended, so that the relay need not wait for its next look."""
        self._wake.set()

    @asynccontextmanager
    async def relaying(self, broker: Broker) -> AsyncIterator[None]:
        """Publish what is due while the block runs, and show how much that is."""
        relay = asyncio.create_task(self._relay(broker))
        try:
            async with obskit.watch_queue(self.state, destination="outbox", consumer="relay"):
                yield
        finally:
            await end(relay)

    async def state(self) -> obskit.QueueState:
        """Return how many events are due, and for how long the oldest has been."""
        now = time.time()
        async with self._database.read() as connection:
            count, oldest = (await connection.execute(self._state, {"now": now})).one()
        return obskit.QueueState(waiting=count, oldest_age_s=now - oldest if count else 0.0)

    async def trim(self) -> int:
        """Delete the oldest published events beyond the number that is kept, and return how many."""
        done = self.table.c.due_at.is_(None)
        return await self._database.trim(self.table, self.table.c.created_at, _KEPT, done)

    async def _relay(self, broker: Broker) -> None:
        is_well = True
        while True:
            self._wake.clear()
            try:
                is_more = await self._publish_due(broker)
                if not is_well:
                    self._log.info("outbox.resumed")
                is_well = True
            except (BrokerError, SQLAlchemyError) as error:
                if is_well:
                    self._log.warning("outbox.stalled", error=type(error).__name__, why=str(error))
                is_well = False
                await asyncio.sleep(_RETRY_S)
                continue
            if not is_more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await self._wake.wait()

    async def _publish_due(self, broker: Broker) -> bool:
        """Publish one batch and return whether there may be more.

        Raises:
            BrokerError: the broker did not take all of it; the rest stays due.
        """
        async with self._database.read() as connection:
            rows = (await connection.execute(self._due, {"now": time.time()})).all()
        if not rows:
            return False
        outcomes = await asyncio.gather(*(_publish(broker, row) for row in rows), return_exceptions=True)
        failures = [outcome for outcome in outcomes if outcome is not None]
        taken = [row.message_id for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
        if taken:
            now = time.time()
            marks = [{"published": message_id, "now": now} for message_id in taken]
            async with self._database.write() as connection:
                await connection.execute(self._published, marks)
        if failures:
            raise failures[0]
        return len(rows) == _BATCH


def _table(tables: MetaData) -> Table:
    # A second store over the same tables has the same outbox: made again, its indexes would be there twice.
    if _NAME in tables.tables:
        return tables.tables[_NAME]
    return Table(
        _NAME,
        tables,
        Column("message_id", String(128), primary_key=True),
        Column("subject", String(64), nullable=False),
        Column("body", Text, nullable=False),
        Column("headers", Text, nullable=False),  # JSON: the trace and the flow that the event belongs to
        Column("created_at", Float, nullable=False, index=True),  # Unix seconds
        Column("due_at", Float, index=True),  # empty when it is published and not to be repeated
        Column("repeat_s", Float),
        Column("times", Integer, nullable=False),
    )


def _row(event: Event, headers: str, now: float) -> dict[str, Any]:
    return {
        "message_id": event.message_id,
        "subject": event.subject,
        "body": event.body.decode(),
        "headers": headers,
        "created_at": now,
        "due_at": now + event.due_in_s,
        "repeat_s": event.repeat_s,
        "times": 0,
    }


async def _publish(broker: Broker, row: Row[Any]) -> None:
    # A repeat is meant: the broker must not take it for the first one.
    message_id = f"{row.message_id}:{row.times}" if row.times else row.message_id
    await broker.publish(
        row.subject, row.body.encode(), message_id=message_id, headers=json.loads(row.headers)
    )
