"""Runs somebody's application in this process: its lifespan, and requests through it."""

import asyncio
import inspect
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from obskit._extras import require
from obskit._typing import ASGIApp, Message, Receive, Scope, Send
from obskit.errors import ConfigError, ObskitError

if TYPE_CHECKING:
    import httpx

__all__ = ["StartupError", "load_app", "running"]

_BASE = "http://127.0.0.1"
_PARAMETERS_OF_WSGI = 2  # environ, start_response
_ASGI = {"version": "3.0", "spec_version": "2.4"}


class StartupError(ObskitError):
    """The application did not start: its lifespan failed."""


def load_app(target: str) -> Any:
    """Return the application that *target* names: ``module:app``, or ``module:create_app`` for a factory.

    Modules are looked for in the working directory too. What the module raises goes on.

    Raises:
        ConfigError: *target* is not of that form, or the module has no such name.
    """
    module_name, colon, attribute = target.partition(":")
    if not module_name or not colon or not attribute:
        msg = f"--app {target!r} is not accepted; name a module and what it holds, such as shop.main:app."
        raise ConfigError(msg)
    if "" not in sys.path:
        sys.path.insert(0, "")
    found: Any = import_module(module_name)
    for name in attribute.split("."):
        if not hasattr(found, name):
            msg = f"--app {target!r}: {found!r} has no {name!r}; name the application that it holds."
            raise ConfigError(msg)
        found = getattr(found, name)
    return found() if _is_factory(found) else found


def _is_factory(found: Any) -> bool:
    if not inspect.isfunction(found):
        return False
    parameters = inspect.signature(found).parameters.values()
    return all(each.default is not each.empty for each in parameters)


@asynccontextmanager
async def running(app: Any) -> AsyncIterator["httpx.AsyncClient"]:
    """Run the lifespan of *app*, ASGI or WSGI, and give a client whose requests go straight into it.

    Raises:
        StartupError: the lifespan failed; the text is its last line.
    """
    httpx = require("httpx", extra="stack", used_by="A request through an application")
    is_wsgi = len(inspect.signature(app).parameters) == _PARAMETERS_OF_WSGI
    way_in = _wsgi_transport(httpx, app) if is_wsgi else _asgi_transport(httpx, app)
    async with way_in as transport, httpx.AsyncClient(transport=transport, base_url=_BASE) as client:
        with _without_own_lines():
            yield client


@asynccontextmanager
async def _asgi_transport(httpx: Any, app: ASGIApp) -> AsyncIterator[Any]:
    async with _lifespan(app) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state)}, receive, send)

        yield httpx.ASGITransport(with_state, raise_app_exceptions=False)


@asynccontextmanager
async def _wsgi_transport(httpx: Any, app: Any) -> AsyncIterator[Any]:
    """Ask in a thread, as a server does: the application may run an event loop of its own."""
    inside = httpx.WSGITransport(app=app, raise_app_exceptions=False)

    def ask(request: Any) -> Any:
        with closing(inside.handle_request(request)) as answer:
            return httpx.Response(answer.status_code, headers=answer.headers, content=b"".join(answer.stream))

    async def in_thread(request: Any) -> Any:
        return await asyncio.to_thread(ask, request)

    yield httpx.MockTransport(in_thread)


@contextmanager
def _without_own_lines() -> Iterator[None]:
    """Keep the lines that httpx logs of our own requests out of what the application logs."""

    def is_of_application(record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        return not any(str(each).startswith(f"{_BASE}/") for each in arguments)

    logger = logging.getLogger("httpx")
    logger.addFilter(is_of_application)
    try:
        yield
    finally:
        logger.removeFilter(is_of_application)


@asynccontextmanager
async def _lifespan(app: ASGIApp) -> AsyncIterator[dict[str, Any]]:
    state: dict[str, Any] = {}
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": _ASGI, "state": state}
    task = asyncio.ensure_future(_ended(app, scope, to_app.get, from_app))
    await to_app.put({"type": "lifespan.startup"})
    answer = await from_app.get()
    if answer["type"] == "lifespan.startup.failed":
        await task
        lines = str(answer.get("message", "")).strip().splitlines() or ["its lifespan failed"]
        raise StartupError(lines[-1])
    try:
        yield state
    finally:
        if answer["type"] != "lifespan.ended":
            await to_app.put({"type": "lifespan.shutdown"})
            await from_app.get()
        await task


async def _ended(app: ASGIApp, scope: Scope, receive: Receive, from_app: "asyncio.Queue[Message]") -> None:
    try:
        await asyncio.gather(app(scope, receive, from_app.put), return_exceptions=True)
    finally:
        # An application without a lifespan raises at once: that is how ASGI says so.
        await from_app.put({"type": "lifespan.ended"})
