"""Start: ``python -m uvicorn --factory sample_services.gateway.app:create_app --port 8081``."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette_compress import CompressMiddleware

import obskit
from sample_services import faults_admin, problems
from sample_services.gateway.routes import router
from sample_services.gateway.wiring import build
from sample_services.settings import VERSION, Settings

__all__ = ["create_app"]


def create_app() -> FastAPI:
    """Build the service from its environment."""
    settings = Settings.load("gateway")
    obskit.init(service="gateway", version=VERSION)
    closing = AsyncExitStack()
    parts = build(settings, closing)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with closing, parts.identity.running(), parts.faults.running():
            yield

    app = FastAPI(title="gateway", version=VERSION, lifespan=lifespan)
    app.state.parts = parts
    app.include_router(router)
    app.add_middleware(CompressMiddleware)
    problems.install(app)
    faults_admin.install(app, parts.faults, settings.faults_token())
    # No readiness check of the services behind: if one is down the gateway still answers, with
    # what it has or a 502 that says so. A check would take every gateway out and answer nothing.
    return obskit.instrument(app)
