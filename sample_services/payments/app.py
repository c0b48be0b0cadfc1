"""Start: ``python -m uvicorn --factory sample_services.payments.app:create_app --port 8104``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import obskit
from sample_services import faults_admin, problems
from sample_services.broker import Broker
from sample_services.database import Database
from sample_services.faults import Faults, Reach
from sample_services.payments.cashier import Cashier
from sample_services.payments.events import consumer
from sample_services.payments.routes import router
from sample_services.payments.store import Charges
from sample_services.resilient import Resilient
from sample_services.settings import VERSION, Settings
from sample_services.upkeep import every
from sample_services.upstream import Upstream

__all__ = ["create_app"]

_PROVIDER_TIMEOUT_S = 0.8
_ALL_ATTEMPTS_S = 1.8
_TRIM_S = 60.0


def create_app() -> FastAPI:
    """Build the service from its environment."""
    settings = Settings.load("payments")
    obskit.init(service="payments", version=VERSION)
    charges = Charges(database := Database(settings.database_url))
    upstream = Upstream("provider", settings.provider_url, timeout_s=_PROVIDER_TIMEOUT_S)
    provider = Resilient(upstream, timeout_s=_ALL_ATTEMPTS_S)
    faults = Faults("payments", Reach(database=database, provider=provider))
    cashier = Cashier(charges, provider, faults)
    broker = Broker(settings.nats_url, name="payments")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await charges.open()
        async with (
            broker.running(consumer(cashier)),
            every(_TRIM_S, charges.trim, name="payments-trim"),
            faults.running(),
        ):
            yield
        for part in (provider, database):
            await part.close()

    app = FastAPI(title="payments", version=VERSION, lifespan=lifespan)
    app.state.charges, app.state.cashier = charges, cashier
    app.include_router(router)
    problems.install(app)
    faults_admin.install(app, faults, settings.faults_token())
    # The provider is no part of readiness: without it payments still says what was decided.
    obskit.add_check("database", database.check)
    obskit.add_check("nats", broker.check, critical=False)  # what was given up waits there
    return obskit.instrument(app)
