"""One pass a request: span, request id, RED metrics, exemplar and access line."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from obskit._guard import guarded
from obskit._typing import ASGIApp, Receive, Scope, Send
from obskit.asgi._endpoints import ENDPOINTS, answer
from obskit.asgi._lifespan import lifespan
from obskit.asgi._native import native_record
from obskit.asgi._request import Observed
from obskit.asgi._routes import NATIVE_KEY, OUTER_APP, STARLETTE_KEY
from obskit.asgi._websocket import Connection
from obskit.config import Settings
from obskit.health import Health
from obskit.logging import LogPipe
from obskit.metrics import Metrics
from obskit.tracing import Tracing

__all__ = ["Middleware", "Owner"]


class Owner(Protocol):
    """What the middleware needs of the process's telemetry."""

    settings: Settings
    pipe: LogPipe
    metrics: Metrics
    tracing: Tracing
    health: Health

    def flush(self) -> None:
        """Send and write what waits."""


class Middleware:
    """A pure ASGI application around *app*; *owner* is asked for at each request.

    So ``instrument(app)`` may come before ``init()``, and a test may start anew.
    """

    def __init__(self, app: ASGIApp, outer: Any, owner: Callable[[], Owner]) -> None:
        self._app = app
        self._outer = outer
        self._owner = owner
        self._record = native_record(outer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, one lifespan or one request."""
        await self.serve(scope, receive, send)

    def serve(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Return what serves it: a plain function, for each coroutine on the way costs every request."""
        if scope["type"] == "lifespan":
            return lifespan(self._app, self._owner(), scope, receive, send)
        observed = None if OUTER_APP in scope else _OBSERVED.get(scope["type"])
        if observed is None:
            return self._app(scope, receive, send)
        owner = self._owner()
        if scope["path"] in ENDPOINTS and scope["type"] == "http":
            return answer(owner, scope, send)
        # Who mounted us outside of our sight knows the templates of what is above us.
        scope[OUTER_APP] = scope.get("app", self._outer)
        scope[STARLETTE_KEY] = True
        if scope.get(NATIVE_KEY) is None:
            scope[NATIVE_KEY] = self._record()
        current = None
        with _GUARDED:
            current = observed(owner, scope)
        return self._app(scope, receive, send) if current is None else current.run(self._app, receive, send)


_GUARDED = guarded("request telemetry")
_OBSERVED: Mapping[str, type[Observed | Connection]] = {"http": Observed, "websocket": Connection}
