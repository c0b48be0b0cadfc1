"""Start: ``python -m uvicorn --factory sample_services.orders.app:create_app --port 8102``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import obskit
from sample_services import faults_admin, problems
from sample_services.broker import Broker
from sample_services.database import Database
from sample_services.faults import Faults, Reach
from sample_services.orders.events import consumer
from sample_services.orders.routes import router
from sample_services.orders.store import Orders
from sample_services.orders.workflow import Workflow
from sample_services.payments.client import PaymentsClient
from sample_services.settings import VERSION, Settings
from sample_services.upkeep import every
from sample_services.upstream import Upstream

__all__ = ["create_app"]

# The start page waits for the statements: it has less to spend than the library's default of 200 ms.
_INVENTORY_TIMEOUT_S, _TRIM_S, _SLOW_MS = 2.0, 60.0, 100.0


def create_app() -> FastAPI:
    """Build the service from its environment."""
    settings = Settings.load("orders")
    obskit.init(service="orders", version=VERSION, db_slow_ms=_SLOW_MS)
    orders = Orders(database := Database(settings.database_url, settings.database_replica_url))
    broker = Broker(settings.nats_url, name="orders")
    inventory = Upstream("inventory", settings.inventory_url, timeout_s=_INVENTORY_TIMEOUT_S)
    payments = PaymentsClient.at(settings.payments_url)
    workflow = Workflow(orders, inventory, payments)
    faults = Faults("orders", Reach(database=database, history=orders.notes))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await orders.open()
        async with (
            broker.running(consumer(workflow)),
            orders.outbox.relaying(broker),
            every(_TRIM_S, orders.trim, name="orders-trim"),
            every(settings.report_s, workflow.report, name="orders-report", faults=faults),
            faults.running(),
        ):
            yield
        for part in (inventory, payments, database):
            await part.close()

    app = FastAPI(title="orders", version=VERSION, lifespan=lifespan)
    app.state.orders, app.state.workflow = orders, workflow
    app.include_router(router)
    problems.install(app)
    faults_admin.install(app, faults, settings.faults_token())
    obskit.add_check("database", database.check)
    obskit.add_check("nats", broker.check, critical=False)  # the outbox keeps what it does not take
    return obskit.instrument(app)
