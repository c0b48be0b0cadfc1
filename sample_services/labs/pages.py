"""A page at a time against the full list: orders as JSON over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson
from sqlalchemy import bindparam, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import obskit
from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.load import Call
from sample_services.labs.shop_data import orders, seeded

__all__ = ["LAB"]

_PAGE, _FULL = 50, 5000
_LIST = (
    select(orders.c.id, orders.c.customer_id, orders.c.state, orders.c.cents)
    .where(orders.c.id > bindparam("after"))
    .order_by(orders.c.id)
    .limit(bindparam("most"))
)


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    async with seeded(bench) as shop:

        async def show(request: Request) -> Response:
            values = {name: int(request.query_params[name]) for name in ("after", "most")}
            async with shop.read() as connection:
                rows = (await connection.execute(_LIST, values)).all()
            return Response(
                orjson.dumps([row._asdict() for row in rows], option=orjson.OPT_NON_STR_KEYS),
                media_type="application/json",
            )

        app = obskit.instrument(Starlette(routes=[Route("/orders", show)]))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://lab") as client:

            def gets(most: int) -> Call:
                async def call(number: int) -> None:
                    after = number * most % bench.size(10_000)
                    answer = await client.get("/orders", params={"after": after, "most": most})
                    bench.counts["bytes"] += len(answer.content)

                return call

            yield Stand(
                [
                    Way(name="paginated", what=f"{_PAGE} orders after a given one", call=gets(_PAGE)),
                    Way(name="full", what=f"{_FULL} orders at once", call=gets(_FULL)),
                ]
            )


LAB = Lab(
    name="paginated-vs-full",
    question=f"What does a list of {_FULL} cost when its reader sees {_PAGE}?",
    ways=("paginated", "full"),
    rate=10,
    seconds=3,
    contrasts=(Contrast("p95_s"), Contrast("cpu_s"), Contrast("bytes")),
    stand=_stand,
)
