"""A shop's tables with made-up rows, for the labs about databases: customers, orders, lines."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text, insert

from sample_services.database import Database
from sample_services.labs.bench import Bench

__all__ = ["CITIES", "MONTHS", "customers", "database", "lines", "new_lines", "new_order", "orders", "seeded"]

CITIES = ("Oslo", "Lima", "Kyoto", "Turin", "Accra", "Quito", "Cork", "Graz")
MONTHS = tuple(f"2026-{month:02d}" for month in range(1, 13))
_CUSTOMERS, _ORDERS, _LINES_EACH = 1000, 20_000, 3
_NOTE = "Leave it with the neighbours, please. " * 50

TABLES = MetaData()

customers = Table(
    "customers",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("city", String(32), nullable=False),
)

orders = Table(
    "orders",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("customer_id", Integer, nullable=False),
    Column("month", String(7), nullable=False),
    Column("state", String(16), nullable=False),
    Column("cents", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Index("orders_customer", "customer_id", "id"),
)

lines = Table(
    "lines",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("order_id", Integer, nullable=False, index=True),
    Column("sku", String(32), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("cents", Integer, nullable=False),
)

_SKUS = ("TEA-GREEN", "TEA-BLACK", "MUG-BLUE", "POT-CLAY")


@asynccontextmanager
async def database(bench: Bench, tables: MetaData = TABLES) -> AsyncIterator[Database]:
    """Open an empty database in the lab's folder with *tables*."""
    made = Database(f"sqlite+aiosqlite:///{bench.home / 'data' / 'lab.db'}")
    try:
        await made.open(tables)
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def seeded(bench: Bench, tables: MetaData = TABLES) -> AsyncIterator[Database]:
    """Open a database with 1000 customers, 20 000 orders and 60 000 lines, times the lab's scale."""
    count = bench.size(_ORDERS)
    async with database(bench, tables) as made:
        async with made.write() as connection:
            await connection.execute(insert(customers), list(_customers()))
            await connection.execute(insert(orders), [new_order(number) for number in range(1, count + 1)])
            rows = [line for number in range(1, count + 1) for line in new_lines(number)]
            await connection.execute(insert(lines), rows)
        yield made


def new_order(number: int) -> dict[str, Any]:
    """Return the row of an order; the same number is the same order each time."""
    chance = random.Random(number)  # noqa: S311 - repeatable on purpose
    return {
        "id": number,
        "customer_id": chance.randint(1, _CUSTOMERS),
        "month": chance.choice(MONTHS),
        "state": "completed",
        "cents": chance.randint(100, 9000),
        "note": _NOTE,
    }


def new_lines(order: int) -> list[dict[str, Any]]:
    """Return the rows of the lines of an order."""
    chance = random.Random(-order)  # noqa: S311 - as above
    return [
        {
            "order_id": order,
            "sku": chance.choice(_SKUS),
            "quantity": chance.randint(1, 3),
            "cents": chance.randint(100, 3000),
        }
        for _ in range(_LINES_EACH)
    ]


def _customers() -> Iterator[dict[str, Any]]:
    for number in range(1, _CUSTOMERS + 1):
        yield {"id": number, "name": f"Customer {number}", "city": CITIES[number % len(CITIES)]}
