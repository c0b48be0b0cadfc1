"""Campaigns, their batches and the suppression list in the database."""

import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from sample_services.database import Database
from sample_services.notifications.models import (
    BATCH,
    TABLES,
    Batch,
    Campaign,
    NewCampaign,
    Suppression,
    batches,
    campaigns,
    mails,
    suppressions,
)
from sample_services.outbox import Event, Outbox

__all__ = ["BATCHES", "Notifications", "Progress", "Task"]

BATCHES = "mail.batches"
"""The queue of batches."""

_KEPT_MAILS = 200_000
_KEPT_CAMPAIGNS = 1000
_SUPPRESSED_S = 180 * 24 * 3600.0

_INSERT = insert(campaigns)
_SENT = select(mails.c.message_id).where(mails.c.message_id == bindparam("wanted"))
_NOTE_SENT = insert(mails)
_SUMS = {
    name: func.coalesce(func.sum(batches.c[name]), 0).label(name) for name in ("done", "sent", "bounced")
}
_UNENDED = func.coalesce(batches.c.unended, 0)
_PROGRESS = (
    select(
        campaigns,
        *_SUMS.values(),
        func.coalesce(func.sum(batches.c.suppressed), 0).label("suppressed"),
        func.count().label("batches"),
        func.count().filter(batches.c.done == batches.c.size).label("batches_done"),
        # While a batch is not done, an attempt without an end may be one that goes on.
        func.coalesce(
            func.sum(batches.c.size).filter(batches.c.done == batches.c.size, _UNENDED > 0), 0
        ).label("maybe_repeated"),
        func.max(batches.c.updated_at).label("updated_at"),
    )
    .join(batches, batches.c.campaign_id == campaigns.c.id)
    .group_by(campaigns.c.id)
)
_BY_ID = _PROGRESS.where(campaigns.c.id == bindparam("campaign_id"))
_BY_KEY = _PROGRESS.where(campaigns.c.idempotency_key == bindparam("key"))
_BATCH = (
    select(campaigns.c.subject, campaigns.c.text, campaigns.c.bounce_percent, batches.c.done)
    .join(batches, batches.c.campaign_id == campaigns.c.id)
    .where(campaigns.c.id == bindparam("campaign_id"), batches.c.number == bindparam("number"))
)
_BEGIN = (
    update(batches)
    .where(batches.c.campaign_id == bindparam("of"), batches.c.number == bindparam("in_batch"))
    .values(unended=_UNENDED + 1)
)
_RECORD = (
    update(batches)
    # A batch that another worker has taken further meanwhile stays as it is.
    .where(
        batches.c.campaign_id == bindparam("of"),
        batches.c.number == bindparam("in_batch"),
        batches.c.done == bindparam("began_at"),
    )
    .values(
        done=bindparam("now_done"),
        sent=batches.c.sent + bindparam("more_sent"),
        bounced=batches.c.bounced + bindparam("more_bounced"),
        suppressed=batches.c.suppressed + bindparam("more_suppressed"),
        unended=_UNENDED - 1,
        updated_at=bindparam("now"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be sent to a batch; *done* of its recipients are dealt with."""

    subject: str
    text: str
    bounce_percent: int
    done: int


@dataclass(slots=True)
class Progress:
    """What one attempt at a batch has done so far."""

    began_at: int
    sent: int = 0
    suppressed: int = 0
    bounced: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many recipients of the batch are dealt with, those of earlier attempts included."""
        return self.began_at + self.sent + self.suppressed + len(self.bounced)


class Notifications:
    """What was sent to whom, and what is to be sent."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.outbox = Outbox(database, TABLES)

    async def open(self) -> None:
        """Make the tables where they are missing."""
        await self._database.open(TABLES)

    async def create(self, wanted: NewCampaign, key: str | None) -> tuple[Campaign, bool]:
        """Store a campaign with its batches, and return it with True, or the holder of *key* with False.

        The batches go to the queue through the outbox: all of them, or there is no campaign.
        """
        campaign_id, now = str(uuid.uuid4()), time.time()
        row = {**wanted.model_dump(), "id": campaign_id, "idempotency_key": key, "created_at": now}
        pieces = _pieces(campaign_id, wanted.recipients)
        try:
            async with self._database.write() as connection:
                await connection.execute(_INSERT, row)
                await connection.execute(insert(batches), [_batch_row(piece, now) for piece in pieces])
                await self.outbox.add(connection, [_event(piece) for piece in pieces])
        except IntegrityError:
            holder = await self._one(_BY_KEY, key=key)
            if holder is None:
                raise
            return holder, False
        self.outbox.wake()
        campaign = await self.find(campaign_id)
        assert campaign is not None  # noqa: S101 - it was just stored; tells mypy
        return campaign, True

    async def find(self, campaign_id: str) -> Campaign | None:
        """Return a campaign with its progress, or None when there is none."""
        return await self._one(_BY_ID, campaign_id=campaign_id)

    async def newest(self, limit: int) -> list[Campaign]:
        """Return the newest campaigns, the latest first."""
        query = _PROGRESS.order_by(campaigns.c.created_at.desc()).limit(limit)
        async with self._database.read() as connection:
            return [_campaign(row) for row in await connection.execute(query)]

    async def task(self, batch: Batch) -> Task | None:
        """Return what is to be sent to a batch and from where on, or None when there is no such batch."""
        async with self._database.read() as connection:
            values = {"campaign_id": batch.campaign_id, "number": batch.number}
            row = (await connection.execute(_BATCH, values)).one_or_none()
        return Task(**row._asdict()) if row else None

    async def begin(self, batch: Batch) -> None:
        """Note that an attempt at a batch begins: one that never ends is a worker that was killed."""
        async with self._database.write_once() as connection:
            await connection.execute(_BEGIN, {"of": batch.campaign_id, "in_batch": batch.number})

    async def record(self, batch: Batch, progress: Progress) -> None:
        """Store what an attempt at a batch has done, and suppress the addresses that bounced."""
        now = time.time()
        change = {
            "of": batch.campaign_id,
            "in_batch": batch.number,
            "began_at": progress.began_at,
            "now_done": progress.done,
            "more_sent": progress.sent,
            "more_bounced": len(progress.bounced),
            "more_suppressed": progress.suppressed,
            "now": now,
        }
        async with self._database.write() as connection:
            await connection.execute(_RECORD, change)
            for address in progress.bounced:
                await _suppress(connection, address, "bounced", now)

    async def suppressed(self, addresses: Sequence[str]) -> set[str]:
        """Return those of *addresses* that get no bulk mail."""
        query = select(suppressions.c.address).where(suppressions.c.address.in_(addresses))
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def suppressions(self, after: str, limit: int) -> list[Suppression]:
        """Return up to *limit* suppressed addresses that come after *after*, in their order."""
        query = select(suppressions).where(suppressions.c.address > after)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(suppressions.c.address).limit(limit))
            return [_suppression(row) for row in rows]

    async def suppress(self, address: str) -> Suppression:
        """Put *address* on the list because its owner asked for it; one that is on it stays as it is."""
        async with self._database.write() as connection:
            await _suppress(connection, address, "asked", time.time())
        async with self._database.read() as connection:
            query = select(suppressions).where(suppressions.c.address == address)
            return _suppression((await connection.execute(query)).one())

    async def allow(self, address: str) -> bool:
        """Take *address* off the list, and return whether it was on it."""
        query = delete(suppressions).where(suppressions.c.address == address)
        async with self._database.write_once() as connection:
            return bool((await connection.execute(query)).rowcount)

    async def is_sent(self, message_id: str) -> bool:
        """Tell whether a single mail was sent before."""
        async with self._database.read() as connection:
            return (await connection.execute(_SENT, {"wanted": message_id})).one_or_none() is not None

    async def note_sent(self, message_id: str) -> None:
        """Remember that a single mail was sent."""
        row = {"message_id": message_id, "sent_at": time.time()}
        with suppress(IntegrityError):  # it was sent twice: the message came again meanwhile
            async with self._database.write_once() as connection:
                await connection.execute(_NOTE_SENT, row)

    async def trim(self) -> int:
        """Delete what is beyond the numbers that are kept, and return how many rows."""
        newest = select(campaigns.c.id).order_by(campaigns.c.created_at.desc()).limit(_KEPT_CAMPAIGNS)
        async with self._database.write() as connection:
            await connection.execute(delete(batches).where(batches.c.campaign_id.not_in(newest)))
            deleted = (
                await connection.execute(delete(campaigns).where(campaigns.c.id.not_in(newest)))
            ).rowcount
        deleted += await self._database.trim(mails, mails.c.sent_at, _KEPT_MAILS)
        return deleted + await self.outbox.trim()

    async def forget_suppressions(self) -> int:
        """Take addresses off the list that bounced half a year ago, and return how many: people come back."""
        old = suppressions.c.created_at < time.time() - _SUPPRESSED_S
        query = delete(suppressions).where(old, suppressions.c.reason == "bounced")
        async with self._database.write_once() as connection:
            return (await connection.execute(query)).rowcount

    async def _one(self, query: Select[Any], **values: str | None) -> Campaign | None:
        async with self._database.read() as connection:
            row = (await connection.execute(query, values)).one_or_none()
        return _campaign(row) if row else None


async def _suppress(connection: AsyncConnection, address: str, reason: str, now: float) -> None:
    known = select(suppressions.c.address).where(suppressions.c.address == address)
    if (await connection.execute(known)).first() is None:
        row = {"address": address, "reason": reason, "created_at": now}
        await connection.execute(insert(suppressions), row)


def _pieces(campaign_id: str, recipients: int) -> list[Batch]:
    return [
        Batch(campaign_id=campaign_id, number=number, size=min(BATCH, recipients - first))
        for number, first in enumerate(range(0, recipients, BATCH))
    ]


def _batch_row(batch: Batch, now: float) -> dict[str, Any]:
    zeros = dict.fromkeys(("done", "sent", "bounced", "suppressed", "unended"), 0)
    return {**batch.model_dump(), **zeros, "updated_at": now}


def _event(batch: Batch) -> Event:
    message_id = f"{batch.campaign_id}:{batch.number}"
    return Event(message_id=message_id, subject=BATCHES, body=batch.model_dump_json().encode())


def _campaign(row: Row[Any]) -> Campaign:
    values = row._asdict()
    done, lasted_s = values.pop("done"), row.updated_at - row.created_at
    state = "done" if done == row.recipients else "sending" if done else "queued"
    return Campaign.model_validate(
        {
            **values,
            "state": state,
            "remaining": row.recipients - done,
            "mails_per_second": round(row.sent / lasted_s, 1) if lasted_s else 0.0,
            "created_at": datetime.fromtimestamp(row.created_at, UTC),
            "updated_at": datetime.fromtimestamp(row.updated_at, UTC),
        }
    )


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression.model_validate(
        {**row._asdict(), "created_at": datetime.fromtimestamp(row.created_at, UTC)}
    )
