"""Start: ``python -m uvicorn --factory sample_services.inventory.app:create_app --port 8103``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import obskit
from sample_services import faults_admin, problems
from sample_services.broker import Broker
from sample_services.database import Database
from sample_services.faults import Faults, Reach
from sample_services.inventory.events import consumer
from sample_services.inventory.routes import router
from sample_services.inventory.store import Inventory
from sample_services.settings import VERSION, Settings
from sample_services.upkeep import every

__all__ = ["create_app"]

_TRIM_S = 60.0


def create_app() -> FastAPI:
    """Build the service from its environment."""
    settings = Settings.load("inventory")
    obskit.init(service="inventory", version=VERSION)
    database = Database(settings.database_url, settings.database_replica_url)
    inventory = Inventory(database)
    broker = Broker(settings.nats_url, name="inventory")
    faults = Faults("inventory", Reach(database=database, broker=broker))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await inventory.open()
        async with (
            broker.running(consumer(inventory, broker, faults)),
            every(_TRIM_S, inventory.trim, name="inventory-trim"),
            faults.running(),
        ):
            yield
        await database.close()

    app = FastAPI(title="inventory", version=VERSION, lifespan=lifespan)
    app.state.inventory = inventory
    app.include_router(router)
    problems.install(app)
    faults_admin.install(app, faults, settings.faults_token())
    obskit.add_check("database", database.check)
    obskit.add_check("nats", broker.check)
    return obskit.instrument(app)
