"""Orders in the database: every change of state is one transaction that can be repeated."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sample_services.contracts import CREATED, ENDED, FAILED, OrderCreated, OrderEnded, OrderFailed
from sample_services.database import Database
from sample_services.orders.models import TABLES, Mode, NewOrder, Order, State, orders
from sample_services.orders.notes import Notes, notes
from sample_services.outbox import Event, Outbox

__all__ = ["Orders"]

_RECOVER_S = 15.0
"""A sync order that is pending for so long has lost its process: it is completed the other way."""
_REPEAT_S = 180.0
"""An order that hears nothing for so long is announced anew: longer than any redelivery goes on."""
_KEPT_ORDERS = 500_000

# Built once: making a statement costs as much as running it.
_INSERT = insert(orders)
_BY_ID = select(orders).where(orders.c.id == bindparam("order_id"))
_BY_ID_AND_USER = _BY_ID.where(orders.c.user_id == bindparam("user_id"))
_OF_USER = (
    select(orders)
    .where(orders.c.user_id == bindparam("user_id"))
    .order_by(orders.c.created_at.desc())
    .limit(bindparam("most"))
)
_NOTES = select(func.count()).select_from(notes).where(notes.c.order_id == orders.c.id)
_LATEST = _OF_USER.add_columns(_NOTES.scalar_subquery().label("notes"))
_SUMMARY = (
    select(orders.c.state, func.count().label("orders"))
    .where(orders.c.created_at > bindparam("since"))
    .group_by(orders.c.state)
)
_BY_KEY = select(orders).where(orders.c.idempotency_key == bindparam("key"))
_FINISH = (
    update(orders)
    .where(orders.c.id == bindparam("order_id"), orders.c.state == "pending")
    .values({name: bindparam(name) for name in ("state", "reason", "updated_at")})
    .returning(orders)
)
_FAIL = _FINISH.values(idempotency_key=None)


class Orders:
    """The state of every order, and the events about them that inventory has to hear.

    An order is stored together with its event. A sync order's event is due only when nobody
    has settled the order in time; settling withdraws it. An order that fails is stored
    together with the event that gives it up.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.outbox = Outbox(database, TABLES)
        self.notes = Notes(database)

    async def open(self) -> None:
        """Make the tables where they are missing."""
        await self._database.open(TABLES)
        await self.notes.clear()  # what a fault left there whose process was killed

    async def create(
        self, wanted: NewOrder, mode: Mode, key: str | None, user_id: str | None = None
    ) -> tuple[Order, bool]:
        """Store a pending order and return it with True, or the order that holds *key* with False.

        Keys are each user's own: two users that choose the same key place two orders.
        """
        now = time.time()
        held = f"{user_id}/{key}" if key and user_id else key
        row = {
            "id": str(uuid.uuid4()),
            "sku": wanted.sku,
            "quantity": wanted.quantity,
            "mode": mode,
            "state": "pending",
            "reason": None,
            "idempotency_key": held,
            "user_id": user_id,
            "created_at": now,
            "updated_at": now,
        }
        order = _order(row)
        try:
            async with self._database.write() as connection:
                await connection.execute(_INSERT, row)
                await self.outbox.add(connection, [_created(order)])
        except IntegrityError:
            holder = await self._one(_BY_KEY, key=held)
            # The holder may have failed meanwhile and let go of the key: then this order takes it.
            return (holder, False) if holder else await self.create(wanted, mode, key, user_id)
        self.outbox.wake()
        return order, True

    async def find(self, order_id: str, user_id: str | None = None) -> Order | None:
        """Return the order, or None when there is no such order, or *user_id* is given and it is another's."""
        if user_id is not None:
            return await self._one(_BY_ID_AND_USER, order_id=order_id, user_id=user_id)
        return await self._one(_BY_ID, order_id=order_id)

    async def latest(self, user_id: str, limit: int, *, one_by_one: bool = False) -> list[Order]:
        """Return the newest orders of a user with the number of their notes, the newest first.

        One statement gives all of it; with *one_by_one* each order's notes are asked for on
        their own, as a lazy relation of an ORM does.
        """
        wanted = {"user_id": user_id, "most": limit}
        async with self._database.read_late() as connection:
            if not one_by_one:
                return [_order(row._asdict()) for row in await connection.execute(_LATEST, wanted)]
            found = [_order(row._asdict()) for row in await connection.execute(_OF_USER, wanted)]
            return [
                order.model_copy(update={"notes": await self.notes.count(connection, order.id)})
                for order in found
            ]

    async def summary(self, within_s: float) -> dict[str, int]:
        """Return how many orders of the last *within_s* seconds are in each state."""
        async with self._database.read_late() as connection:
            rows = await connection.execute(_SUMMARY, {"since": time.time() - within_s})
            return {row.state: row.orders for row in rows}

    async def finish(
        self, order_id: str, state: State, reason: str | None = None, *, releases: bool = False
    ) -> Order | None:
        """Move a pending order to its end and return it; one that has ended is returned as it is.

        A failed order announces that it is given up, and lets go of its idempotency key, so
        that the caller's next attempt with the key is a new order. With *releases* the order is
        given up too, and keeps its key: what was reserved for it goes back.
        """
        is_failed = state == "failed"
        change = {"order_id": order_id, "state": state, "reason": reason, "updated_at": time.time()}
        async with self._database.write() as connection:
            result = await connection.execute(_FAIL if is_failed else _FINISH, change)
            row = result.one_or_none()
            ended = _order(row._asdict()) if row else None
            if ended is not None:
                gives_up = [_failed(order_id)] if is_failed or releases else []
                await self.outbox.withdraw(connection, f"{order_id}:created")
                await self.outbox.add(connection, [_ended(ended), *gives_up])
        if ended is None:
            return await self.find(order_id)
        self.outbox.wake()
        return ended

    async def trim(self) -> int:
        """Delete the oldest settled orders and events beyond those that are kept, and return how many."""
        settled = orders.c.state != "pending"
        deleted = await self._database.trim(orders, orders.c.created_at, _KEPT_ORDERS, settled)
        return deleted + await self.outbox.trim()

    async def _one(self, query: Select[Any], **values: str | None) -> Order | None:
        async with self._database.read() as connection:
            row = (await connection.execute(query, values)).one_or_none()
        return _order(row._asdict()) if row else None


def _order(row: dict[str, Any]) -> Order:
    times = {name: datetime.fromtimestamp(row[name], UTC) for name in ("created_at", "updated_at")}
    return Order.model_validate({**row, **times})


def _created(order: Order) -> Event:
    body = OrderCreated(order_id=uuid.UUID(order.id), sku=order.sku, quantity=order.quantity)
    return Event(
        message_id=f"{order.id}:created",
        subject=CREATED,
        body=body.model_dump_json().encode(),
        due_in_s=_RECOVER_S if order.mode == "sync" else 0.0,
        repeat_s=_REPEAT_S,
    )


def _ended(order: Order) -> Event:
    body = OrderEnded.model_validate({"order_id": order.id, "state": order.state, "reason": order.reason})
    return Event(message_id=f"{order.id}:ended", subject=ENDED, body=body.model_dump_json().encode())


def _failed(order_id: str) -> Event:
    body = OrderFailed(order_id=uuid.UUID(order_id))
    return Event(message_id=f"{order_id}:failed", subject=FAILED, body=body.model_dump_json().encode())
