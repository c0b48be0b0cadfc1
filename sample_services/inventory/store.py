"""Stock and reservations in the database: an order takes its stock once, however often it asks."""

import time

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from sample_services.contracts import OrderCreated, price_cents
from sample_services.database import Database
from sample_services.inventory.models import (
    SEED,
    TABLES,
    Reservation,
    ReservationState,
    Stock,
    reservations,
    stock,
)

__all__ = ["Inventory"]

_KEPT_RESERVATIONS = 500_000

# Built once: making a statement costs as much as running it.
_INSERT = insert(reservations)
_FIND = select(reservations).where(reservations.c.order_id == bindparam("order_id"))
_AVAILABLE = select(stock.c.available).where(stock.c.sku == bindparam("wanted_sku"))
_PAGE = select(stock).where(stock.c.sku > bindparam("after")).order_by(stock.c.sku).limit(bindparam("most"))
_TAKE = (
    update(stock)
    .where(stock.c.sku == bindparam("wanted_sku"), stock.c.available >= bindparam("wanted"))
    .values(available=stock.c.available - bindparam("wanted"))
)
_RELEASE = (
    update(reservations)
    .where(reservations.c.order_id == bindparam("given_up"), reservations.c.state == "reserved")
    .values(state="released", reason="order_failed")
    .returning(reservations.c.sku, reservations.c.quantity)
)
_GIVE_BACK = (
    update(stock)
    .where(stock.c.sku == bindparam("released_sku"))
    .values(available=stock.c.available + bindparam("released"))
)


class Inventory:
    """The stock of every SKU and the reservation of every order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        """Make the tables and the first stock where they are missing."""
        await self._database.open(TABLES)
        async with self._database.write() as connection:
            known = set((await connection.execute(select(stock.c.sku))).scalars())
            for sku in SEED.keys() - known:
                await connection.execute(insert(stock).values(sku=sku, available=SEED[sku]))

    async def available(self, sku: str) -> int | None:
        """Return how much of *sku* is left, or None when there is no such SKU."""
        async with self._database.read() as connection:
            return (await connection.execute(_AVAILABLE, {"wanted_sku": sku})).scalar()

    async def page(self, after: str, limit: int) -> list[Stock]:
        """Return up to *limit* SKUs that come after *after*, in their order."""
        async with self._database.read_late() as connection:
            rows = await connection.execute(_PAGE, {"after": after, "most": limit})
            return [
                Stock(sku=row.sku, available=row.available, price_cents=price_cents(row.sku)) for row in rows
            ]

    async def reserve(self, wanted: OrderCreated) -> Reservation:
        """Reserve stock for an order, or return the answer that this order got before.

        The reservation's key is the order's id, and it is written in the transaction that
        takes the stock: a repeated request or message never takes it twice.
        """
        try:
            async with self._database.write() as connection:
                reservation = await _take(connection, wanted)
                await _insert(connection, reservation)
                return reservation
        except IntegrityError:
            return await self._find(str(wanted.order_id))

    async def release(self, order_id: str) -> Reservation:
        """Give back what an order reserved; what it asks for later is answered with ``released``."""
        async with self._database.write() as connection:
            row = (await connection.execute(_RELEASE, {"given_up": order_id})).one_or_none()
            if row is not None:
                back = {"released_sku": row.sku, "released": row.quantity}
                await connection.execute(_GIVE_BACK, back)
        if row is None:
            await self._forestall(order_id)
        return await self._find(order_id)

    async def trim(self) -> int:
        """Delete the oldest reservations beyond the number that is kept, and return how many."""
        return await self._database.trim(reservations, reservations.c.created_at, _KEPT_RESERVATIONS)

    async def _forestall(self, order_id: str) -> None:
        tombstone = Reservation(
            order_id=order_id, sku="", quantity=0, state="released", reason="order_failed"
        )
        try:
            async with self._database.write_once() as connection:
                await _insert(connection, tombstone)
        except IntegrityError:
            return  # rejected or released before: nothing is held

    async def _find(self, order_id: str) -> Reservation:
        async with self._database.read() as connection:
            row = (await connection.execute(_FIND, {"order_id": order_id})).one()
        return Reservation.model_validate(row._asdict())


async def _take(connection: AsyncConnection, wanted: OrderCreated) -> Reservation:
    state: ReservationState = "reserved"
    reason = None
    taken = await connection.execute(_TAKE, {"wanted_sku": wanted.sku, "wanted": wanted.quantity})
    if not taken.rowcount:
        left = (await connection.execute(_AVAILABLE, {"wanted_sku": wanted.sku})).scalar()
        state, reason = "rejected", "unknown_sku" if left is None else "out_of_stock"
    return Reservation(
        order_id=str(wanted.order_id), sku=wanted.sku, quantity=wanted.quantity, state=state, reason=reason
    )


async def _insert(connection: AsyncConnection, reservation: Reservation) -> None:
    await connection.execute(_INSERT, {**reservation.model_dump(), "created_at": time.time()})
