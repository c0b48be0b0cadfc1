"""The load generator's percentiles beside Prometheus': two ways to the same number."""

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Any

import httpx

from sample_services.loadgen.journeys import CALLS, Journey
from sample_services.loadgen.report import Tally

__all__ = ["compare"]

_SHARES = (50, 95, 99)
_POLL_S = 0.5
_METRIC = "http_client_request_duration_seconds"


async def compare(url: str, tallies: Mapping[Journey, Tally], *, timeout_s: float) -> dict[str, Any]:
    """Return p50, p95 and p99 of each journey as the Prometheus at *url* computes them, in seconds.

    Waits up to *timeout_s* seconds until it has scraped the last call. ``counted`` is how many
    calls it has seen by then; its quantiles are interpolated within a bucket, so they agree to
    the width of the bucket that ours are in. A number that it does not have is None.
    """
    async with httpx.AsyncClient(base_url=url, timeout=5.0, trust_env=False) as client:
        deadline = time.monotonic() + timeout_s
        found: dict[str, Any] = {}
        for journey, tally in tallies.items():
            series = f'service_name="loadgen",url_template="{CALLS[journey].template}"'
            answered = tally.from_send.count
            while True:
                counted = await _number(client, f"sum({_METRIC}_count{{{series}}})")
                if (counted or 0) >= answered or time.monotonic() > deadline:
                    break
                await asyncio.sleep(_POLL_S)
            found[journey] = {"counted": counted, **await _quantiles(client, series)}
    return found


async def _quantiles(client: httpx.AsyncClient, series: str) -> dict[str, float | None]:
    buckets = f"sum by (le) ({_METRIC}_bucket{{{series}}})"
    return {
        f"p{share}_s": await _number(client, f"histogram_quantile({share / 100}, {buckets})")
        for share in _SHARES
    }


async def _number(client: httpx.AsyncClient, query: str) -> float | None:
    try:
        answer = await client.get("/api/v1/query", params={"query": query})
        result = answer.raise_for_status().json()["data"]["result"]
    except (httpx.HTTPError, ValueError, KeyError):
        return None
    value = float(result[0]["value"][1]) if result else math.nan
    return value if math.isfinite(value) else None
