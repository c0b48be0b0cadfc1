"""Which service the gateway calls how."""

from contextlib import AsyncExitStack

from cashews import Cache

import obskit
from sample_services.faults import Faults, Reach
from sample_services.gateway.accounts import Accounts
from sample_services.gateway.identity import Identity
from sample_services.gateway.limiter import Limiter
from sample_services.gateway.page import StartPage
from sample_services.gateway.products import Catalogue
from sample_services.gateway.routes import Parts
from sample_services.gateway.store import OrdersClient
from sample_services.resilient import Resilient
from sample_services.settings import Settings
from sample_services.upstream import Upstream

__all__ = ["build"]

_ORDERS_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 1.0
_LOGIN_TIMEOUT_S = 5.0
_ENTRIES = 1000


def build(settings: Settings, closing: AsyncExitStack) -> Parts:
    """Build the parts of the gateway; *closing* ends their connections."""

    def service(name: str, url: str, timeout_s: float, *, counts_answers: bool = True) -> Resilient:
        upstream = Upstream(name, url, timeout_s=timeout_s)
        made = Resilient(upstream, timeout_s=timeout_s * 2, counts_answers=counts_answers)
        closing.push_async_callback(made.close)
        return made

    users = service("users", settings.users_url, _LOGIN_TIMEOUT_S)
    # A 502 of orders is about a service behind it: orders itself is well, and async orders go on.
    orders = OrdersClient(service("orders", settings.orders_url, _ORDERS_TIMEOUT_S, counts_answers=False))
    inventory = service("inventory", settings.inventory_url, _READ_TIMEOUT_S)
    replica = settings.replica_url and service("inventory-replica", settings.replica_url, _READ_TIMEOUT_S)
    cache = _cache(settings.cache_url, closing)
    faults = Faults("gateway", Reach(cache=cache))
    catalogue = Catalogue(cache, inventory, replica or None, faults)
    accounts = Accounts(users)
    return Parts(
        identity=Identity(users, is_required=settings.needs_token),
        limiter=Limiter(settings.cache_url, settings.rate_limit, settings.login_limit),
        accounts=accounts,
        orders=orders,
        catalogue=catalogue,
        page=StartPage(accounts, catalogue, orders),
        faults=faults,
    )


def _cache(url: str, closing: AsyncExitStack) -> Cache:
    cache = Cache(name="products")
    obskit.instrument(cache)
    if url.startswith("mem:"):
        cache.setup("mem://", size=_ENTRIES)
    else:
        cache.setup(url)
    closing.push_async_callback(cache.close)
    return cache
