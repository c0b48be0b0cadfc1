"""N+1 statements against one join: the newest orders of all, with their lines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import bindparam, select

from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.shop_data import lines, orders, seeded

__all__ = ["LAB"]

_SHOWN = 20

_NEWEST = select(orders.c.id).where(orders.c.id > bindparam("after")).order_by(orders.c.id).limit(_SHOWN)
_LINES = select(lines).where(lines.c.order_id == bindparam("order"))
_PAGE = _NEWEST.subquery()
_JOIN = select(_PAGE.c.id, lines).join(lines, lines.c.order_id == _PAGE.c.id)


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    async with seeded(bench) as database:
        last = bench.size(20_000) - _SHOWN

        async def one_by_one(number: int) -> None:
            async with database.read() as connection:
                found = (await connection.execute(_NEWEST, {"after": number % max(1, last)})).scalars().all()
                for order in found:
                    (await connection.execute(_LINES, {"order": order})).all()

        async def joined(number: int) -> None:
            async with database.read() as connection:
                (await connection.execute(_JOIN, {"after": number % max(1, last)})).all()

        yield Stand(
            [
                Way(name="join", what="one statement for orders and lines", call=joined),
                Way(name="n-plus-one", what="one statement for each order's lines", call=one_by_one),
            ]
        )


LAB = Lab(
    name="n-plus-one-vs-join",
    question=f"What does it cost to ask for the lines of {_SHOWN} orders one order at a time?",
    ways=("join", "n-plus-one"),
    rate=20,
    seconds=3,
    contrasts=(Contrast("p95_s"), Contrast("queries"), Contrast("cpu_s")),
    stand=_stand,
)
