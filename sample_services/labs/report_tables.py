"""Normalised against denormalised: revenue of a city by month, read and written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from sqlalchemy import Column, Integer, String, Table, bindparam, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from sample_services.database import Database
from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.shop_data import (
    CITIES,
    TABLES,
    customers,
    lines,
    new_lines,
    new_order,
    orders,
    seeded,
)

__all__ = ["LAB"]

_revenue = Table(
    "revenue",
    TABLES,
    Column("city", String(32), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("cents", Integer, nullable=False),
)

_SUM = func.sum(lines.c.quantity * lines.c.cents)
_NORMALISED = (
    select(orders.c.month, _SUM)
    .join(lines, lines.c.order_id == orders.c.id)
    .join(customers, customers.c.id == orders.c.customer_id)
    .where(customers.c.city == bindparam("city"))
    .group_by(orders.c.month)
)
_DENORMALISED = select(_revenue.c.month, _revenue.c.cents).where(_revenue.c.city == bindparam("city"))
_FILL = insert(_revenue).from_select(
    ["city", "month", "cents"],
    select(customers.c.city, orders.c.month, _SUM)
    .join(orders, orders.c.customer_id == customers.c.id)
    .join(lines, lines.c.order_id == orders.c.id)
    .group_by(customers.c.city, orders.c.month),
)
_CITY = select(customers.c.city).where(customers.c.id == bindparam("customer"))
_NEW = upsert(_revenue).values({name: bindparam(name) for name in ("city", "month", "cents")})
_ADD = _NEW.on_conflict_do_update(
    index_elements=["city", "month"], set_={"cents": _revenue.c.cents + _NEW.excluded.cents}
)


async def _read(database: Database, is_kept: bool, number: int) -> None:  # noqa: FBT001 - bound by name below
    statement = _DENORMALISED if is_kept else _NORMALISED
    async with database.read() as connection:
        (await connection.execute(statement, {"city": CITIES[number % len(CITIES)]})).all()


async def _write(database: Database, is_kept: bool, number: int) -> None:  # noqa: FBT001 - as above
    order, bought = new_order(1_000_000 + number), new_lines(1_000_000 + number)
    async with database.write() as connection:
        await connection.execute(insert(orders), order)
        await connection.execute(insert(lines), bought)
        if is_kept:
            city = (await connection.execute(_CITY, {"customer": order["customer_id"]})).scalar_one()
            cents = sum(line["quantity"] * line["cents"] for line in bought)
            await connection.execute(_ADD, {"city": city, "month": order["month"], "cents": cents})


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    async with seeded(bench) as shop:
        async with shop.write_once() as connection:
            await connection.execute(_FILL)

        yield Stand(
            [
                Way(name="read, denormalised", what="a table of sums", call=partial(_read, shop, True)),
                Way(
                    name="read, normalised",
                    what="summed over orders and lines",
                    call=partial(_read, shop, False),
                ),
                Way(
                    name="write, denormalised",
                    what="order, lines, and the sum",
                    call=partial(_write, shop, True),
                ),
                Way(name="write, normalised", what="order and lines", call=partial(_write, shop, False)),
            ]
        )


LAB = Lab(
    name="normalised-vs-denormalised",
    question="What does a table of sums give to a report, and what does it take from each order?",
    ways=("read, denormalised", "read, normalised", "write, denormalised", "write, normalised"),
    rate=5,
    seconds=4,
    contrasts=(
        Contrast("p95_s", ("read, denormalised", "read, normalised")),
        Contrast("p50_s", ("write, denormalised", "write, normalised")),
    ),
    stand=_stand,
)
