"""Start: ``python -m uvicorn --factory sample_services.gateway.app:create_app --port 8081``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import obskit
from sample_services import faults_admin, problems
from sample_services.faults import Faults
from sample_services.gateway.routes import router
from sample_services.gateway.store import OrdersClient
from sample_services.settings import VERSION, Settings
from sample_services.upstream import Upstream

__all__ = ["create_app"]

_ORDERS_TIMEOUT_S = 5.0


def create_app() -> FastAPI:
    """Build the service from its environment."""
    settings = Settings.load("gateway")
    obskit.init(service="gateway", version=VERSION)
    orders = Upstream("orders", settings.orders_url, timeout_s=_ORDERS_TIMEOUT_S)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await orders.close()

    app = FastAPI(title="gateway", version=VERSION, lifespan=lifespan)
    app.state.orders = OrdersClient(orders)
    app.include_router(router)
    problems.install(app)
    faults_admin.install(app, Faults("gateway"), settings.faults_token())
    # No readiness check of the orders service: if it is down the gateway still answers, with a
    # 502 that says so. A check would take every gateway out with it and answer nothing.
    return obskit.instrument(app)
