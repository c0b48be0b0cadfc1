"""What can be ordered: cached, and answered from somewhere as long as anything answers."""

from typing import Any

import httpx
from cashews import Cache

import obskit
from sample_services.faults import Faults
from sample_services.gateway.models import Products
from sample_services.resilient import Resilient
from sample_services.upstream import UpstreamError

__all__ = ["Catalogue"]

_FRESH_S = 5
_STALE_S = 3600
_LOOK_S = 0.005


class Catalogue:
    """Pages of products from the inventory service.

    A page is asked for once in five seconds, however many want it at the same moment. When
    inventory fails, its replica is asked where there is one; then the last page that was
    had is given, up to an hour old.
    """

    def __init__(self, cache: Cache, inventory: Resilient, replica: Resilient | None, faults: Faults) -> None:
        self._cache = cache
        self._faults = faults
        self._inventory = inventory
        self._replica = replica

    async def page(self, after: str, limit: int) -> Products:
        """Return the page of up to *limit* products that come after the SKU *after*.

        Raises:
            UpstreamError: nobody answers, and there is no older answer.
        """
        key = f"products:{limit}:{after}"
        await self._faults.at("cache")
        if found := await self._cache.get(key):
            return Products.model_validate({**found, "source": "cache"})
        async with self._cache.lock(f"lock:{key}", expire=_FRESH_S, check_interval=_LOOK_S):
            if found := await self._cache.get(key):  # somebody else asked while this one waited
                return Products.model_validate({**found, "source": "cache"})
            return await self._ask(key, after, limit)

    async def _ask(self, key: str, after: str, limit: int) -> Products:
        try:
            page = await _fetch(self._inventory, after, limit)
        except UpstreamError:
            if (instead := await self._instead(key, after, limit)) is None:
                raise
            return instead
        await self._cache.set(key, page, expire=_FRESH_S)
        await self._cache.set(f"stale:{key}", page, expire=_STALE_S)
        return Products.model_validate({**page, "source": "inventory"})

    async def _instead(self, key: str, after: str, limit: int) -> Products | None:
        """Return another answer than inventory's, or None when there is none."""
        if self._replica is not None:
            try:
                page = await _fetch(self._replica, after, limit)
            except UpstreamError:
                pass
            else:
                obskit.fallback("inventory", "replica")
                return Products.model_validate({**page, "source": "replica"})
        if found := await self._cache.get(f"stale:{key}"):
            obskit.fallback("inventory", "cached")
            return Products.model_validate({**found, "source": "stale"})
        return None


async def _fetch(inventory: Resilient, after: str, limit: int) -> dict[str, Any]:
    answer: httpx.Response = await inventory.send(
        "GET", "/stock", template="/stock", is_repeatable=True, params={"after": after, "limit": limit}
    )
    if not answer.is_success:
        msg = f"{inventory.name} answered {answer.status_code}, which is no page of products."
        raise UpstreamError(502, msg, is_answered=True)
    page: dict[str, Any] = answer.json()
    return page
