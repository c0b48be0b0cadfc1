"""WSGI applications, and processes without HTTP that show a page of metrics.

A request is observed by the same code as an ASGI one: its environ is read as a scope, and what
the server is given back as messages.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from opentelemetry import context as otel_context

from obskit import context as request_context
from obskit._guard import guarded
from obskit._typing import Message, Scope
from obskit.asgi._endpoints import ENDPOINTS, answer
from obskit.asgi._middleware import Owner
from obskit.asgi._request import Observed

__all__ = ["OBSERVED", "ROUTE", "Wsgi", "answered"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

OBSERVED = "obskit.observed"
"""Key of the environ with what observes the request; it takes an exception that the framework answers for."""
ROUTE = "obskit.route"
"""Key of the environ in which a framework leaves the template of its route."""

_GUARDED = guarded("request telemetry")
_PHRASES = {200: "OK", 405: "Method Not Allowed", 503: "Service Unavailable"}


class Wsgi:
    """A WSGI application around *app*; *route* gives the template of a request's route, or None."""

    def __init__(
        self, app: WsgiApp, owner: Callable[[], Owner], route: Callable[[Environ], str | None] | None = None
    ) -> None:
        self._app = app
        self._owner = owner
        self._route = route or _left_route

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        owner = self._owner()
        if environ.get("PATH_INFO") in ENDPOINTS:
            return answered(owner, environ, start_response)
        if OBSERVED in environ:
            return self._app(environ, start_response)
        current = None
        with _GUARDED:
            owner.health.started = True  # there is no lifespan: who answers has started
            current = Call(owner, environ, self._route)
        return (
            self._app(environ, start_response)
            if current is None
            else current.through(self._app, start_response)
        )


def _left_route(environ: Environ) -> str | None:
    return environ.get(ROUTE)


class Call(Observed):
    """One request of a WSGI application, from the call to the end of its body.

    The server may take the body in any thread and at any time: what happens inside runs in
    the context of the request, and the server's own stays as it was.
    """

    __slots__ = ("_bag_token", "_context", "_environ", "_iterator", "_otel_token", "_route_of", "_start")

    def __init__(self, owner: Owner, environ: Environ, route: Callable[[Environ], str | None]) -> None:
        super().__init__(owner, _scope(environ))
        self._environ = environ
        self._route_of = route
        environ[OBSERVED] = self

    def through(self, app: WsgiApp, start_response: StartResponse) -> Iterable[bytes]:
        """Let *app* answer, and record how it went."""
        self._context = copy_context()
        self._start = start_response
        self._context.run(self._enter)
        try:
            body = self._context.run(app, self._environ, self._on_response)
            self._iterator = body
            return _Body(self, iter(body))
        except BaseException as error:
            self.failed(error)
            self.end()
            raise

    def failed(self, error: BaseException) -> None:
        """Note what the application raised, also where its framework answers for it."""
        self._on_error(error)

    def next_part(self, parts: Iterator[bytes]) -> bytes:
        """Return the next part of the body.

        Raises:
            StopIteration: there is none.
        """
        try:
            part = self._context.run(next, parts)
        except StopIteration:
            self._context.run(self._done)
            raise
        except BaseException as error:
            self.failed(error)
            raise
        self._on_body({"body": part})
        return part

    def end(self) -> None:
        """Close the body, and finish what is open; a body that was not taken to its end is aborted."""
        close = getattr(getattr(self, "_iterator", None), "close", None)
        try:
            if close is not None:
                self._context.run(close)
        finally:
            if not self._ended and self._error is None:
                self._disconnected = True
            self._context.run(self._leave)

    def _enter(self) -> None:
        self._bag = request_context.RequestScope(self._arrival.request_id, flow_start=time.time())
        self._bag_token = request_context.enter(self._bag)
        self._otel_token = otel_context.attach(self._arrival.context)
        self._active.inc()

    def _leave(self) -> None:
        self._named()
        self._through()
        otel_context.detach(self._otel_token)
        request_context.leave(self._bag, self._bag_token)

    def _done(self) -> None:
        self._named()
        self._on_last_byte()

    def _named(self) -> None:
        with _GUARDED:
            route = self._route_of(self._environ)
            if route:
                self._scope["route"] = SimpleNamespace(path=route)

    def _on_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        message: Message = {
            "type": "http.response.start",
            "status": int(status[:3]),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }
        self._named()
        self._on_start(message)
        named = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
        write = self._start(status, named, exc_info) if exc_info else self._start(status, named)

        def counted(data: bytes) -> None:
            self._on_body({"body": data})
            write(data)

        return counted


class _Body:
    """The body as the server takes it."""

    def __init__(self, call: Call, parts: Iterator[bytes]) -> None:
        self._call = call
        self._parts = parts
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._call.next_part(self._parts)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._call.end()


def _scope(environ: Environ) -> Scope:
    headers = [
        (name[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "path": path.encode("latin-1").decode("utf-8", "replace"),
        "raw_path": quote(path, encoding="latin-1").encode("ascii"),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "headers": headers,
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
        "server": (environ.get("SERVER_NAME", ""), int(environ.get("SERVER_PORT") or 0) or None),
    }


def answered(owner: Owner, environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Answer a request for one of the pages that obskit serves itself."""
    owner.health.started = True
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(answer(owner, _scope(environ), send))
    start, body = sent
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    start_response(f"{start['status']} {_PHRASES[start['status']]}", headers)
    return [body["body"]]
