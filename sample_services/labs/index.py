"""An index against none: what it gives to those who read, and takes from those who write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, bindparam, func, insert, select

from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.load import Call
from sample_services.labs.shop_data import database

__all__ = ["LAB"]

_ROWS = 150_000
_CUSTOMERS = 1000
_WRITTEN = 50
_TABLES = MetaData()


def _table(name: str, *indexes: Index) -> Table:
    columns = [Column(column, Integer, nullable=False) for column in ("customer_id", "cents", "paid_at")]
    return Table(
        name, _TABLES, Column("id", Integer, primary_key=True), *columns, Column("sku", String(32)), *indexes
    )


_PLAIN = _table("plain")
_INDEXED = _table(
    "indexed",
    Index("by_customer", "customer_id"),
    Index("by_paid_at", "paid_at"),
    Index("by_sku", "sku", "customer_id"),
)


def _row(number: int) -> dict[str, object]:
    # Spread over the index, as keys of life are: neighbours in time are not neighbours in it.
    customer = number * 7919 % _CUSTOMERS
    return {
        "customer_id": customer,
        "cents": number % 9000,
        "paid_at": number * 31 % _ROWS,
        "sku": f"S{customer}",
    }


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    async with database(bench, _TABLES) as shop:
        for table in (_PLAIN, _INDEXED):
            async with shop.write() as connection:
                rows = [_row(number) for number in range(bench.size(_ROWS))]
                await connection.execute(insert(table), rows)

        def reads(table: Table) -> Call:
            spent = select(func.count(), func.sum(table.c.cents)).where(
                table.c.customer_id == bindparam("customer")
            )

            async def call(number: int) -> None:
                async with shop.read() as connection:
                    (await connection.execute(spent, {"customer": number % _CUSTOMERS})).one()

            return call

        def writes(table: Table) -> Call:
            statement = insert(table)

            async def call(number: int) -> None:
                async with shop.write() as connection:
                    rows = [_row(number * _WRITTEN + offset) for offset in range(_WRITTEN)]
                    await connection.execute(statement, rows)

            return call

        yield Stand(
            [
                Way(
                    name="read, index", what="one customer's orders, found by an index", call=reads(_INDEXED)
                ),
                Way(name="read, none", what="the same, by looking at every row", call=reads(_PLAIN)),
                Way(
                    name="write, index",
                    what=f"{_WRITTEN} rows into a table with three indexes",
                    call=writes(_INDEXED),
                ),
                Way(name="write, none", what="the same into a table without", call=writes(_PLAIN)),
            ]
        )


LAB = Lab(
    name="index-vs-none",
    question="What does an index give to reads, and what does it take from writes?",
    ways=("read, index", "read, none", "write, index", "write, none"),
    rate=20,
    seconds=3,
    contrasts=(
        Contrast("p50_s", ("read, index", "read, none")),
        Contrast("p50_s", ("write, index", "write, none")),
    ),
    stand=_stand,
)
