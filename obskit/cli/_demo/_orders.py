"""Asks the gateways what became of the async orders that were accepted."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import httpx

__all__ = ["states"]

_AT_ONCE = 8
_USER = "loadgen"


async def _states(url: str, ids: Sequence[str], password: str) -> Counter[str]:
    found: Counter[str] = Counter()
    waiting = iter(ids)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client:
        login = await client.post("/api/auth/login", json={"name": _USER, "password": password})
        token = login.raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}

        async def ask() -> None:
            for order_id in waiting:
                answer = await _patient(client, f"/api/orders/{order_id}", headers)
                found[answer.json()["state"] if answer.is_success else f"status {answer.status_code}"] += 1

        await asyncio.gather(*(ask() for _ in range(_AT_ONCE)))
    return found


async def _patient(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> httpx.Response:
    while True:
        answer = await client.get(path, headers=headers)
        if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            return answer
        await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))


def states(url: str, ids: Sequence[str], passwords: Path) -> Counter[str]:
    """Return how many of the orders *ids* are in which state at the gateways behind *url*.

    Orders are shown to whom they belong: *passwords* is the file with the load generator's.

    Raises:
        httpx.HTTPError: nobody answers, or the login is refused.
    """
    password = json.loads(passwords.read_text(encoding="utf-8"))[_USER]
    return asyncio.run(_states(url, ids, password))
