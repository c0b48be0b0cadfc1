"""Asks the gateway what became of the async orders that were accepted."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import httpx

__all__ = ["states"]

_AT_ONCE = 8


async def _states(url: str, ids: Sequence[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    waiting = iter(ids)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client:

        async def ask() -> None:
            for order_id in waiting:
                answer = await client.get(f"/api/orders/{order_id}")
                found[answer.json()["state"] if answer.is_success else f"status {answer.status_code}"] += 1

        await asyncio.gather(*(ask() for _ in range(_AT_ONCE)))
    return found


def states(url: str, ids: Sequence[str]) -> Counter[str]:
    """Return how many of the orders *ids* are in which state at the gateway at *url*.

    Raises:
        httpx.HTTPError: the gateway does not answer.
    """
    return asyncio.run(_states(url, ids))
