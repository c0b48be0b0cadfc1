"""Any ASGI application: what a framework of no known kind, or none, is observed by."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from obskit._typing import ASGIApp, Message, Receive, Scope, Send
from obskit.asgi._middleware import Middleware, Owner

__all__ = ["Asgi"]

RouteOf = Callable[[Scope], str | None]


class Asgi:
    """An ASGI application around *app*; *route* gives the template of a request's route, or None."""

    def __init__(self, app: ASGIApp, owner: Callable[[], Owner], route: RouteOf | None = None) -> None:
        inner = app if route is None else _Routed(app, route)
        self._middleware = Middleware(inner, app, owner)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, one lifespan or one request."""
        await self._middleware(scope, receive, send)


class _Routed:
    """Asks for the route when the answer begins, and at the end: by then the framework knows it."""

    def __init__(self, app: ASGIApp, route: RouteOf) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def named(message: Message) -> None:
            if message["type"].endswith((".start", ".accept")):
                self._name(scope)
            await send(message)

        try:
            await self._app(scope, receive, named)
        finally:
            self._name(scope)

    def _name(self, scope: Any) -> None:
        template = self._route(scope) if scope["type"] != "lifespan" else None
        if template:
            scope["route"] = SimpleNamespace(path=template)
