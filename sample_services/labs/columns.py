"""The columns that are needed against all of them: a list of orders, without or with their notes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, select

from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.load import Call
from sample_services.labs.shop_data import orders, seeded

__all__ = ["LAB"]

_SHOWN = 200


def _page(*columns: Any) -> Select[Any]:
    return select(*columns).where(orders.c.id > bindparam("after")).order_by(orders.c.id).limit(_SHOWN)


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    last = max(1, bench.size(20_000) - _SHOWN)
    async with seeded(bench) as shop:

        def reads(statement: Select[Any]) -> Call:
            async def call(number: int) -> None:
                async with shop.read() as connection:
                    rows = (await connection.execute(statement, {"after": number * _SHOWN % last})).all()
                bench.counts["bytes"] += len(
                    orjson.dumps([row._asdict() for row in rows], option=orjson.OPT_NON_STR_KEYS)
                )

            return call

        needed = _page(orders.c.id, orders.c.state, orders.c.cents)
        yield Stand(
            [
                Way(name="columns", what="id, state and sum", call=reads(needed)),
                Way(name="select-star", what="every column, with a note of 2 kB", call=reads(_page(orders))),
            ]
        )


LAB = Lab(
    name="columns-vs-select-star",
    question=f"What do columns cost that nobody looks at, in a list of {_SHOWN} orders?",
    ways=("columns", "select-star"),
    rate=30,
    seconds=3,
    contrasts=(Contrast("p95_s"), Contrast("cpu_s"), Contrast("bytes")),
    stand=_stand,
)
