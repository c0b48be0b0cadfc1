"""Orders in the database: every change of state is one transaction that can be repeated."""

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from sample_services.database import Database
from sample_services.orders.models import TABLES, Mode, NewOrder, Order, State, orders

__all__ = ["Orders"]

_REPEAT_EVENT_S = 15.0
_KEPT_ORDERS = 500_000

# Built once: making a statement costs as much as running it.
_INSERT = insert(orders)
_BY_ID = select(orders).where(orders.c.id == bindparam("order_id"))
_BY_KEY = select(orders).where(orders.c.idempotency_key == bindparam("key"))
_DUE = (
    select(orders)
    .where(orders.c.event_due_at <= bindparam("now"))
    .order_by(orders.c.event_due_at)
    .limit(bindparam("most"))
)
_FINISH = (
    update(orders)
    .where(orders.c.id == bindparam("order_id"), orders.c.state == "pending")
    .values({name: bindparam(name) for name in ("state", "reason", "updated_at", "event_due_at")})
    .returning(orders)
)
_FAIL = _FINISH.values(idempotency_key=None)
_ANNOUNCED = (
    update(orders)
    # Only while the state is the announced one: a change meanwhile owes its own event.
    .where(orders.c.id == bindparam("order_id"), orders.c.state == bindparam("announced"))
    .values(event_due_at=bindparam("due_at"))
)


class Orders:
    """The state of every order.

    ``event_due_at`` says that inventory has to hear about an order: a pending one that is
    not settled in time is announced again, and one that failed is announced as given up.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        """Make the table where it is missing."""
        await self._database.open(TABLES)

    async def create(self, wanted: NewOrder, mode: Mode, key: str | None) -> tuple[Order, bool]:
        """Store a pending order and return it with True, or the order that holds *key* with False."""
        now = time.time()
        row = {
            "id": str(uuid.uuid4()),
            "sku": wanted.sku,
            "quantity": wanted.quantity,
            "mode": mode,
            "state": "pending",
            "reason": None,
            "idempotency_key": key,
            "created_at": now,
            "updated_at": now,
            "event_due_at": now + _REPEAT_EVENT_S,
        }
        try:
            async with self._database.write_once() as connection:
                await connection.execute(_INSERT, row)
        except IntegrityError:
            holder = await self._one(_BY_KEY, key=key)
            # The holder may have failed meanwhile and let go of the key: then this order takes it.
            return (holder, False) if holder else await self.create(wanted, mode, key)
        return _order(row), True

    async def find(self, order_id: str) -> Order | None:
        """Return the order, or None when there is no such order."""
        return await self._one(_BY_ID, order_id=order_id)

    async def finish(self, order_id: str, state: State, reason: str | None = None) -> Order | None:
        """Move a pending order to its end and return it; one that has ended is returned as it is.

        A failed order owes an event and lets go of its idempotency key, so that the caller's
        next attempt with the key is a new order.
        """
        now = time.time()
        is_failed = state == "failed"
        change = {
            "order_id": order_id,
            "state": state,
            "reason": reason,
            "updated_at": now,
            "event_due_at": now if is_failed else None,
        }
        async with self._database.write_once() as connection:
            result = await connection.execute(_FAIL if is_failed else _FINISH, change)
            row = result.one_or_none()
        return _order(row._asdict()) if row else await self.find(order_id)

    async def owing(self, limit: int) -> Sequence[Order]:
        """Return orders about which an event is due, the longest due first."""
        async with self._database.read() as connection:
            rows = await connection.execute(_DUE, {"now": time.time(), "most": limit})
            return [_order(row._asdict()) for row in rows]

    async def announced(self, order: Order) -> None:
        """Note that the event about *order* is with the broker; a pending order's is due again later."""
        due_at = time.time() + _REPEAT_EVENT_S if order.state == "pending" else None
        change = {"order_id": order.id, "announced": order.state, "due_at": due_at}
        async with self._database.write_once() as connection:
            await connection.execute(_ANNOUNCED, change)

    async def trim(self) -> int:
        """Delete the oldest settled orders beyond the number that is kept, and return how many."""
        settled = orders.c.event_due_at.is_(None)
        return await self._database.trim(orders, orders.c.created_at, _KEPT_ORDERS, settled)

    async def _one(self, query: Select[Any], **values: str | None) -> Order | None:
        async with self._database.read() as connection:
            row = (await connection.execute(query, values)).one_or_none()
        return _order(row._asdict()) if row else None


def _order(row: dict[str, Any]) -> Order:
    times = {name: datetime.fromtimestamp(row[name], UTC) for name in ("created_at", "updated_at")}
    return Order.model_validate({**row, **times})
