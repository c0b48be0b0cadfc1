"""Puts the middleware around an application that somebody already holds."""

from collections.abc import Awaitable, Callable
from typing import Any

from obskit._typing import Receive, Scope, Send
from obskit.asgi._middleware import Middleware, Owner
from obskit.asgi._native import stand_aside
from obskit.asgi._uvicorn import quieten
from obskit.errors import InstrumentError

__all__ = ["install"]

_MARK = "_obskit_middleware"


def install(app: Any, owner: Callable[[], Owner]) -> None:
    """Make *app* (FastAPI or Starlette) pass everything through the middleware, outermost.

    ``add_middleware`` would sit inside the framework's error handler and inside FastAPI's
    own telemetry, and is refused after the start. Calling the instance is resolved on its
    class, so the instance gets a subclass of its class: it stays an instance of what it
    was, the order of calls does not matter, and a second call changes nothing.

    Raises:
        InstrumentError: *app* is something else of these packages, such as a router.
    """
    if not _is_application(app):
        msg = (
            f"instrument() got a {type(app).__module__}.{type(app).__qualname__}, which is no application; "
            "pass the FastAPI or Starlette application itself, before anything is wrapped around it."
        )
        raise InstrumentError(msg)
    if hasattr(app, _MARK):
        return
    quieten()
    stand_aside(app)
    original = type(app)

    async def through(self: Any, scope: Scope, receive: Receive, send: Send) -> None:
        await getattr(self, _MARK).serve(scope, receive, send)

    def inner(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return original.__call__(app, scope, receive, send)  # type: ignore[no-any-return]  # any application

    setattr(app, _MARK, Middleware(inner, app, owner))
    app.__class__ = type(
        original.__name__, (original,), {"__call__": through, "__module__": original.__module__}
    )


def _is_application(app: Any) -> bool:
    return any(
        (base.__module__, base.__name__) == ("starlette.applications", "Starlette")
        for base in type(app).__mro__
    )
