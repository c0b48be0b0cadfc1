"""Start: ``python -m uvicorn --factory sample_services.notifications.app:create_app --port 8105``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import obskit
from sample_services import faults_admin, problems
from sample_services.broker import Broker
from sample_services.database import Database
from sample_services.faults import Faults, Reach
from sample_services.mail import Mailer
from sample_services.notifications.counts import Counts
from sample_services.notifications.events import batch_consumer, order_consumer
from sample_services.notifications.routes import router
from sample_services.notifications.store import Notifications
from sample_services.settings import VERSION, Settings
from sample_services.upkeep import every, on_schedule

__all__ = ["create_app"]

_TRIM_S, _NIGHTLY = 60.0, "15 3 * * *"


def create_app() -> FastAPI:
    """Build the service from its environment."""
    settings = Settings.load("notifications")
    telemetry = obskit.init(service="notifications", version=VERSION)
    store = Notifications(database := Database(settings.database_url))
    broker = Broker(settings.nats_url, name="notifications")
    mailer = Mailer(settings.smtp_url, rate=settings.mail_rate)
    token, counts = settings.faults_token(), Counts(telemetry, mailer)
    faults = Faults("notifications", Reach(database=database, smtp_url=settings.smtp_url, token=token))
    orders = order_consumer(store, mailer, counts, faults)
    batches = batch_consumer(store, mailer, counts, faults, workers=settings.mail_workers)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await store.open()
        async with (
            broker.running(orders, batches),
            store.outbox.relaying(broker),
            every(_TRIM_S, store.trim, name="notifications-trim"),
            faults.running(),
            on_schedule("suppressions-forget", _NIGHTLY, store.forget_suppressions),
        ):
            yield
        for part in (mailer, database):
            await part.close()

    app = FastAPI(title="notifications", version=VERSION, lifespan=lifespan)
    app.state.notifications = store
    app.include_router(router)
    problems.install(app)
    faults_admin.install(app, faults, token)
    obskit.add_check("database", database.check)
    obskit.add_check("nats", broker.check, critical=False)  # the outbox keeps what it does not take
    obskit.add_check("smtp", mailer.check, critical=False)  # mail waits in the queue
    return obskit.instrument(app)
