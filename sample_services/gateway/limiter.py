"""How much one client may ask for."""

import math
import time
from http import HTTPStatus

from fastapi import Request
from limits import RateLimitItem, parse
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

import obskit
from sample_services.gateway.identity import Caller
from sample_services.problems import Problem

__all__ = ["Limiter"]


class Limiter:
    """Counts requests by client: by user where there is a token, by address where there is none.

    With ``redis://`` replicas count together; in memory each counts for itself.
    """

    def __init__(self, cache_url: str, requests: str, logins: str) -> None:
        storage = "memory://" if cache_url.startswith("mem:") else cache_url
        # The client that the cache uses too, in the place of one more.
        options = {"implementation": "redispy"} if "redis" in storage else {}
        self._window = SlidingWindowCounterRateLimiter(storage_from_string(f"async+{storage}", **options))
        self._requests = parse(requests)
        self._logins = parse(logins)
        self._log = obskit.get_logger()

    async def request(self, request: Request, caller: Caller | None) -> None:
        """Count one request.

        Raises:
            Problem: it is one too many (429, with ``Retry-After``).
        """
        client = f"user:{caller.user_id}" if caller else f"address:{_address(request)}"
        await self._count(self._requests, "request", client)

    async def login(self, request: Request) -> None:
        """Count one login, refresh or logout of an address: a password check costs 30 ms of a core.

        Raises:
            Problem: it is one too many (429, with ``Retry-After``).
        """
        await self._count(self._logins, "login", f"address:{_address(request)}")

    async def _count(self, limit: RateLimitItem, what: str, client: str) -> None:
        if await self._window.hit(limit, what, client):
            return
        stats = await self._window.get_window_stats(limit, what, client)
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        self._log.info("request.limited", limit=str(limit), counted=what)
        detail = f"This client may send {limit}; try again in {wait_s} s."
        headers = {"Retry-After": str(wait_s)}
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", detail, headers=headers)


def _address(request: Request) -> str:
    # Behind a proxy on this machine uvicorn puts the caller that the proxy names here.
    return request.client.host if request.client else ""
