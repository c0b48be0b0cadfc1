"""The start page of a front end: three services asked at once, and a page whatever they answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import obskit
from sample_services.gateway.accounts import Accounts
from sample_services.gateway.identity import Caller
from sample_services.gateway.models import Home, Order, Product
from sample_services.gateway.products import Catalogue
from sample_services.gateway.store import OrdersClient
from sample_services.upstream import UpstreamError

__all__ = ["StartPage"]

_PRODUCTS = 10
_ORDERS = 20

_Part = TypeVar("_Part")


class StartPage:
    """Puts the page together. A part that cannot be had has its default, and its name in *degraded*."""

    def __init__(self, accounts: Accounts, catalogue: Catalogue, orders: OrdersClient) -> None:
        self._accounts = accounts
        self._catalogue = catalogue
        self._orders = orders

    async def show(self, caller: Caller) -> Home:
        """Return the page of one caller; it takes as long as the slowest part."""
        degraded: list[str] = []

        async def part(name: str, ask: Callable[[], Awaitable[_Part]], default: _Part) -> _Part:
            try:
                return await ask()
            except UpstreamError:
                obskit.fallback(name, "default")
                degraded.append(name)
                return default

        async def products() -> list[Product]:
            return (await self._catalogue.page("", _PRODUCTS)).items

        async def orders() -> list[Order]:
            return await self._orders.latest(caller, _ORDERS)

        async def profile() -> dict[str, str]:
            return await self._accounts.profile(caller)

        no_products: list[Product] = []
        no_orders: list[Order] = []
        claimed = {"id": caller.user_id, "name": caller.name}  # what the token says is enough to go on
        user, found, latest = await asyncio.gather(
            part("users", profile, claimed),
            part("inventory", products, no_products),
            part("orders", orders, no_orders),
        )
        return Home(user=user, products=found, orders=latest, degraded=sorted(degraded))
