"""Start: ``python -m uvicorn --factory sample_services.users.app:create_app --port 8101``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import obskit
from sample_services import faults_admin, problems
from sample_services.database import Database
from sample_services.faults import Faults, Reach
from sample_services.settings import VERSION, Settings
from sample_services.upkeep import every
from sample_services.users.keys import KeyRing
from sample_services.users.passwords import Passwords, seed
from sample_services.users.routes import admin_router, router
from sample_services.users.sessions import Lockout, Sessions
from sample_services.users.store import Users

__all__ = ["create_app"]

_TRIM_S = 60.0


def create_app() -> FastAPI:
    """Build the service from its environment."""
    settings = Settings.load("users")
    obskit.init(service="users", version=VERSION)
    database = Database(settings.database_url)
    faults = Faults("users", Reach(database=database))
    users, keys, passwords = Users(database), KeyRing(settings.secrets / "signing_keys"), Passwords()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        keys.open()
        await users.open()
        await seed(users, passwords, settings.secrets / "demo_users.json")
        async with (
            every(_TRIM_S, users.trim, name="users-trim"),
            every(_TRIM_S, keys.upkeep, name="users-keys"),
            faults.running(),
        ):
            yield
        await database.close()

    app = FastAPI(title="users", version=VERSION, lifespan=lifespan)
    app.state.users, app.state.keys = users, keys
    app.state.sessions = Sessions(users, keys, passwords, Lockout(lock_s=settings.lockout_s))
    app.include_router(router)
    problems.install(app)
    faults_admin.install(app, faults, settings.faults_token())
    if (token := settings.faults_token()) is not None:
        app.include_router(admin_router(keys, token))
    obskit.add_check("database", database.check)
    return obskit.instrument(app)
