"""What is observed of one HTTP request."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context

from obskit import context as request_context
from obskit._guard import guarded
from obskit._typing import ASGIApp, Message, Receive, Scope, Send
from obskit.asgi._arrival import Arrival
from obskit.asgi._background import record_background
from obskit.asgi._outcome import cause, of_request
from obskit.asgi._routes import route_template
from obskit.catalog import (
    ACTIVE_REQUESTS,
    FIRST_BYTE,
    HTTP_METHODS,
    OTHER,
    REQUEST_BODY_SIZE,
    RESPONSE_BODY_SIZE,
    SERVER_DURATION,
)

if TYPE_CHECKING:
    from obskit.asgi._middleware import Owner

__all__ = ["Observed"]

_GUARDED = guarded("request telemetry")  # it keeps nothing, so all requests share it
_SERVER_ERRORS = 500
_WAITED_S = 0.005
_WORKED_S = 0.1
_LOOK_AFTER_S = 0.05
"""An answer that took longer is preceded by a look whether the caller still waits for it."""


class Observed:
    """One HTTP request, from its first byte in to its last byte out.

    It is finished once: at the last byte of the body; or, for a response of 500 and above,
    when the application is through, because only then is the exception known that caused
    it (the framework answers first and raises after); or when the client is gone.
    """

    __slots__ = (
        "_active",
        "_arrival",
        "_bag",
        "_disconnected",
        "_ended",
        "_error",
        "_finished",
        "_first",
        "_method",
        "_owner",
        "_receiving",
        "_scope",
        "_started",
        "_status",
        "_taken",
        "_took",
        "_trailers",
        "_turned",
        "_wrote",
    )

    def __init__(self, owner: "Owner", scope: Scope) -> None:
        self._owner = owner
        self._scope = scope
        self._started = time.perf_counter()
        self._first = 0.0
        self._ended = 0.0
        self._status = 0
        self._took = 0
        self._wrote = 0
        self._finished = False
        self._trailers = False
        self._turned = False
        self._disconnected = False
        self._receiving = False
        self._taken: Message | None = None
        self._error: BaseException | None = None
        self._method = scope["method"] if scope["method"] in HTTP_METHODS else OTHER
        self._arrival = Arrival(owner.tracing, scope, self._method)
        self._active = owner.metrics.gauge(ACTIVE_REQUESTS, self._method)

    async def run(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        """Let *app* answer, and record how it went."""

        async def watched_receive() -> Message:
            return await self._receive(receive)

        async def watched_send(message: Message) -> None:
            kind, last = message["type"], False
            if kind == "http.response.start":
                self._on_start(message)
                if time.perf_counter() - self._started > _LOOK_AFTER_S and not self._receiving:
                    await self._look(receive)
            elif kind == "http.response.body":
                last = self._on_body(message)
            else:
                last = _is_last(kind, message)
            try:
                await send(message)
            except OSError:
                self._disconnected = True
                raise
            if last:
                self._on_last_byte()

        self._bag = bag = request_context.RequestScope(self._arrival.request_id, flow_start=time.time())
        bag_token = request_context.enter(bag)
        token = otel_context.attach(self._arrival.context)
        self._active.inc()
        try:
            await app(self._scope, watched_receive, watched_send)
        except BaseException as error:
            self._on_error(error)
            raise
        finally:
            self._through()
            otel_context.detach(token)
            request_context.leave(bag, bag_token)

    async def _receive(self, receive: Receive) -> Message:
        message, self._taken = self._taken, None
        if message is None:
            self._receiving = True
            try:
                message = await receive()
            finally:
                self._receiving = False
        if message["type"] == "http.request":
            self._took += len(message.get("body", b""))
        elif message["type"] == "http.disconnect" and not self._ended:
            self._disconnected = True
        return message

    def _on_start(self, message: Message) -> None:
        self._status = message["status"]
        self._trailers = message.get("trailers", False)
        message["headers"] = self._arrival.named(list(message.get("headers", ())))
        if not self._arrival.ours:
            route = route_template(self._scope)
            self._arrival.name_outer(self._span_name(route), route)

    async def _look(self, receive: Receive) -> None:
        """See whether the caller has gone, for an application that never asked.

        A server takes what is sent to nobody without a word, so a request that its caller
        gave up would count as answered. What comes instead of a disconnect is kept for the
        application.
        """
        try:
            task = asyncio.get_running_loop().create_task(_next(receive))
        except RuntimeError:  # not asyncio
            return
        await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
        if task.cancelled() or task.exception() is not None:
            return
        if task.result()["type"] == "http.disconnect":
            self._disconnected = True
        else:
            self._taken = task.result()

    def _on_body(self, message: Message) -> bool:
        """Measure a part of the body, and tell whether it is the last."""
        size = len(message.get("body", b""))
        if size:
            self._wrote += size
            if not self._first:
                self._first = time.perf_counter()
        return not message.get("more_body", False) and not self._trailers

    def _on_last_byte(self) -> None:
        self._ended = time.perf_counter()
        if self._status < _SERVER_ERRORS:
            self._finish()
        try:
            asyncio.get_running_loop().call_soon(self._turn)
        except RuntimeError:  # not asyncio
            self._turned = True

    def _turn(self) -> None:
        self._turned = True

    def _on_error(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            self._disconnected = True
        else:
            self._error = cause(error)

    def _through(self) -> None:
        """The application has returned: finish what is open, and look at what came after the answer.

        It waited for something only if the event loop has turned since; a process that was not
        given the processor for a while looks the same otherwise.
        """
        after_s = time.perf_counter() - self._ended if self._ended else 0.0
        failed = self._error if self._finished else None
        self._finish()
        waited = self._turned and after_s >= _WAITED_S
        if waited or after_s >= _WORKED_S or failed is not None:
            with _GUARDED:
                record_background(self._owner, self._scope, after_s, failed)

    def _finish(self) -> None:
        if self._finished:
            return
        self._finished = True
        self._active.dec()
        with _GUARDED:
            token = self._arrival.attach()
            try:
                self._record((self._ended or time.perf_counter()) - self._started)
            finally:
                if token is not None:
                    otel_context.detach(token)

    def _record(self, duration_s: float) -> None:
        self._bag.route = route = route_template(self._scope)
        outcome, error_type = of_request(
            self._status, self._error, complete=bool(self._ended), disconnected=self._disconnected
        )
        if self._arrival.span.is_recording():
            self._end_span(route, error_type)
        status = str(self._status) if self._status else ""
        exemplar = self._arrival.exemplar()
        metrics, method = self._owner.metrics, self._method
        metrics.histogram(SERVER_DURATION, method, route, status, error_type, outcome).observe(
            duration_s, exemplar
        )
        first = self._first or self._ended
        if first:
            metrics.histogram(FIRST_BYTE, method, route).observe(first - self._started, exemplar)
        if self._took:
            metrics.histogram(REQUEST_BODY_SIZE, method, route).observe(self._took)
        if self._wrote:
            metrics.histogram(RESPONSE_BODY_SIZE, method, route).observe(self._wrote)
        self._write_access_line(route, outcome, duration_s)

    def _end_span(self, route: str, error_type: str) -> None:
        attributes: dict[str, Any] = {"http.route": route, **self._bag.attributes}
        if self._status:
            attributes["http.response.status_code"] = self._status
        error = self._error if error_type else None
        self._arrival.end(self._span_name(route), attributes, error, error_type)

    def _span_name(self, route: str) -> str:
        return f"{'HTTP' if self._method == OTHER else self._method} {route}"

    def _write_access_line(self, route: str, outcome: str, duration_s: float) -> None:
        if outcome != "server_error" and self._status and self._method != OTHER:
            path, duration_ms = self._scope["path"], round(duration_s * 1e3, 3)
            self._owner.pipe.access(self._method, route, path, self._status, duration_ms, outcome)
            return
        fields: dict[str, Any] = {
            "method": self._scope["method"],
            "route": route,
            "path": self._scope["path"],
            "status": self._status or None,
            "duration_ms": round(duration_s * 1e3, 3),
            "outcome": outcome,
        }
        level = "info"
        if outcome == "server_error":
            level = "error"
            if self._error is not None:
                fields["exc_info"] = self._error
        self._owner.pipe.emit(level, "http.request", fields)


def _is_last(kind: str, message: Message) -> bool:
    """Tell whether nothing follows *message*, which is neither the start nor a part of the body."""
    if kind == "http.response.trailers":
        return not message.get("more_trailers", False)
    return kind == "http.response.pathsend"


async def _next(receive: Receive) -> Message:
    return await receive()
