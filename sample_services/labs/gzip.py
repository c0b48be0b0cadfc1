"""Compressed answers against plain ones: the same list of products, as sent."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette_compress import CompressMiddleware

import obskit
from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.figures import Spread
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.load import Call
from sample_services.labs.shop_data import new_lines

__all__ = ["LAB"]

_LINES = 1000


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    items = [line for order in range(bench.size(_LINES) // 3) for line in new_lines(order)]

    async def show(_request: Request) -> Response:
        return Response(orjson.dumps(items), media_type="application/json")

    app = Starlette(routes=[Route("/lines", show)])
    app.add_middleware(CompressMiddleware)
    transport = httpx.ASGITransport(obskit.instrument(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://lab") as client:

        def gets(encoding: str) -> Call:
            async def call(_number: int) -> None:
                # Read as it comes over the wire: to unpack it is the caller's work, and not measured here.
                async with client.stream("GET", "/lines", headers={"Accept-Encoding": encoding}) as answer:
                    async for part in answer.aiter_raw():
                        bench.counts["bytes"] += len(part)

            return call

        yield Stand(
            [
                Way(name="none", what="as it is", call=gets("identity")),
                Way(name="gzip", what="gzip, as the gateway sends it", call=gets("gzip")),
                Way(name="br", what="brotli, as the gateway sends it", call=gets("br")),
            ]
        )


def _worth(spreads: Mapping[str, Mapping[str, Spread]]) -> str:
    """Say on which networks gzip is faster for the caller: it takes time to save bytes."""
    plain, packed = spreads["none"], spreads["gzip"]
    longer_s = packed["p50_s"].median - plain["p50_s"].median
    saved = plain["bytes"].median - packed["bytes"].median
    if longer_s <= 0 or saved <= 0:
        return ""
    return f"Here gzip pays for the caller on lines slower than {saved * 8 / longer_s / 1e6:.3g} Mbit/s."


LAB = Lab(
    name="gzip-vs-none",
    question=f"What does it cost to compress a list of {_LINES} lines, and what does it save?",
    ways=("none", "gzip", "br"),
    rate=20,
    seconds=3,
    contrasts=(Contrast("bytes"), Contrast("cpu_s"), Contrast("p95_s")),
    remark=_worth,
    stand=_stand,
)
