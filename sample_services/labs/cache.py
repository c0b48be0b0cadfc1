"""A cache against none: the best sellers, which everybody asks for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cashews import Cache
from sqlalchemy import func, select

import obskit
from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.shop_data import lines, seeded

__all__ = ["LAB"]

_FRESH_S = 1
_BEST = (
    select(lines.c.sku, func.sum(lines.c.quantity).label("sold"))
    .where(lines.c.id < 9000)  # noqa: PLR2004 - as many as are sold on a day
    .group_by(lines.c.sku)
    .order_by(func.sum(lines.c.quantity).desc())
)


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    cache = Cache(name="lab")
    obskit.instrument(cache)
    cache.setup("mem://")
    async with seeded(bench) as shop:

        async def ask(_number: int) -> list[list[object]]:
            async with shop.read() as connection:
                return [list(row) for row in (await connection.execute(_BEST)).all()]

        async def uncached(number: int) -> None:
            await ask(number)

        async def cached(number: int) -> None:
            if await cache.get("best") is not None:
                return
            # One asks, the others wait for its answer.
            async with cache.lock("lock:best", expire=_FRESH_S, check_interval=0.005):
                if await cache.get("best") is None:
                    await cache.set("best", await ask(number), expire=_FRESH_S)

        yield Stand(
            [
                Way(name="cache", what=f"asked once in {_FRESH_S} s, else from memory", call=cached),
                Way(name="none", what="asked each time", call=uncached),
            ]
        )
    await cache.close()


LAB = Lab(
    name="cache-vs-none",
    question="What does a cache of one second save?",
    ways=("cache", "none"),
    rate=40,
    seconds=3,
    contrasts=(Contrast("p95_s"), Contrast("queries"), Contrast("cpu_s")),
    stand=_stand,
)
