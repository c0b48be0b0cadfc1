"""Single inserts against batches: a hundred rows, in three ways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import insert

from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.shop_data import database, lines

__all__ = ["LAB"]

_ROWS = 100
_INSERT = insert(lines)


def _rows(number: int) -> list[dict[str, Any]]:
    row = {"order_id": number, "sku": "TEA-GREEN", "quantity": 1, "cents": 450}
    return [row] * _ROWS


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    async with database(bench) as shop:

        async def one_by_one(number: int) -> None:
            for row in _rows(number):
                async with shop.write_once() as connection:
                    await connection.execute(_INSERT, row)

        async def in_one_transaction(number: int) -> None:
            async with shop.write() as connection:
                for row in _rows(number):
                    await connection.execute(_INSERT, row)

        async def in_a_batch(number: int) -> None:
            async with shop.write() as connection:
                await connection.execute(_INSERT, _rows(number))

        yield Stand(
            [
                Way(name="batch", what=f"{_ROWS} rows in one statement", call=in_a_batch),
                Way(name="one transaction", what=f"{_ROWS} statements, one commit", call=in_one_transaction),
                Way(name="single", what=f"{_ROWS} statements, {_ROWS} commits", call=one_by_one),
            ]
        )


LAB = Lab(
    name="batch-vs-single-inserts",
    question=f"How should {_ROWS} rows be written?",
    ways=("batch", "one transaction", "single"),
    rate=2,
    seconds=5,
    contrasts=(Contrast("p95_s"), Contrast("cpu_s")),
    stand=_stand,
)
