"""Puts the pager behind HTTP."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from obskit.config import Settings
from obskit.metrics import Metrics
from obskit.pager import _change_api, _events_api, _incidents_api, _pages
from obskit.pager._clock import Clock
from obskit.pager._errors import RefusedError
from obskit.pager._events_api import Intake
from obskit.pager._hosts import OwnHosts
from obskit.pager._journal import Journal
from obskit.pager._notify import Notifier
from obskit.pager._pager import Pager
from obskit.pager._policy import Policy
from obskit.pager._settings import PagerSettings
from obskit.pager._store import Store

__all__ = ["create_app"]


def create_app(  # noqa: PLR0913 - the parts that it brings together
    store: Store,
    settings: PagerSettings,
    *,
    clock: Clock = time,
    notifiers: Sequence[Notifier] = (),
    policy: Policy | None = None,
    metrics: Metrics | None = None,
) -> FastAPI:
    """Return the pager over *store* as an application, which closes the store when it ends.

    *metrics* are the service's, such as ``obskit.init(...).metrics``. Without a *policy*
    all *notifiers* are told together. *clock* is a parameter so that tests take milliseconds.
    """
    shown = Metrics(Settings.load({"service": "pager"}, {})) if metrics is None else metrics
    journal = Journal(shown, [notifier.name for notifier in notifiers])
    chosen = policy or Policy.everyone([notifier.name for notifier in notifiers])
    pager = Pager(store, settings, clock=clock, notifiers=notifiers, policy=chosen, journal=journal)
    # The interactive documentation would load its scripts from the network.
    app = FastAPI(title="obskit pager", docs_url=None, redoc_url=None, lifespan=_lifespan)
    app.state.pager = pager
    app.state.intake = Intake(pager, journal)
    app.state.journal = journal
    for module in (_events_api, _change_api, _incidents_api, _pages):
        app.include_router(module.router)
    app.add_middleware(OwnHosts, names=[urlsplit(settings.base_url).hostname or "", *settings.hosts])
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_exception_handler(sqlite3.Error, _store_failed)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    pager: Pager = app.state.pager
    await pager.start()
    work = asyncio.create_task(pager.run())
    yield
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    await pager.close()


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 - registered for it; tells mypy
    return _problem(request, error.status, str(error), error.fix)


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    message = f"{request.method} {request.url.path[:200]}: {error.detail}."
    return _problem(request, error.status_code, message, "The incidents are at /incidents and /v1/incidents.")


async def _store_failed(request: Request, error: Exception) -> Response:
    request.app.state.journal.store_failed(error)
    fix = "Look at the disk and at the pager's log, then send it again."
    return _problem(request, 500, f"The incident store failed: {error}.", fix)


def _problem(request: Request, status: int, message: str, fix: str) -> Response:
    if request.url.path.startswith(("/incidents", "/runbooks")):
        return _pages.problem_page(status, message, fix)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None  # noqa: PLR2004 - HTTP's number
    return Response(
        orjson.dumps({"error": message, "fix": fix}), status, headers, media_type="application/json"
    )
