"""What is observed of one HTTP request."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from obskit import context as request_context
from obskit._guard import guarded
from obskit._ids import new_request_id, valid_request_id
from obskit._typing import ASGIApp, Message, Receive, Scope, Send
from obskit.asgi._routes import route_template
from obskit.catalog import ACTIVE_REQUESTS, HTTP_METHODS, OTHER, SERVER_DURATION
from obskit.tracing import extract, fail

if TYPE_CHECKING:
    from obskit.asgi._middleware import Owner

__all__ = ["Observed"]

_CLIENT_ERRORS = range(400, 500)
_SERVER_ERRORS = 500

_WANTED = frozenset({b"traceparent", b"tracestate", b"baggage", b"x-request-id", b"user-agent", b"host"})


class Observed:
    """One HTTP request, from its first byte in to its last byte out.

    It is finished once: at the last byte of the body; or, for a response of 500 and above,
    when the application is through, because only then is the exception known that caused
    it (the framework answers first and raises after); or when the client is gone.
    """

    __slots__ = (
        "_context",
        "_disconnected",
        "_ended",
        "_error",
        "_finished",
        "_headers",
        "_method",
        "_owner",
        "_request_id",
        "_scope",
        "_span",
        "_started",
        "_status",
    )

    def __init__(self, owner: "Owner", scope: Scope) -> None:
        self._owner = owner
        self._scope = scope
        self._started = time.perf_counter()
        self._ended = 0.0
        self._status = 0
        self._finished = False
        self._disconnected = False
        self._error: BaseException | None = None
        self._method = scope["method"] if scope["method"] in HTTP_METHODS else OTHER
        self._headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _WANTED
        }
        self._span, self._context = self._start_span()
        self._request_id = self._choose_request_id()

    async def run(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        """Let *app* answer, and record how it went."""

        async def watched_receive() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._disconnected = True
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._on_start(message)
                await send(message)
                return
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self._on_last_byte()

        active = self._owner.metrics.gauge(ACTIVE_REQUESTS, self._method)
        bag = request_context.RequestScope(self._request_id, flow_start=time.time())
        bag_token = request_context.enter(bag)
        token = otel_context.attach(self._context)
        active.inc()
        try:
            await app(self._scope, watched_receive, watched_send)
        except BaseException as error:
            self._on_error(error)
            raise
        finally:
            active.dec()
            self._finish()
            otel_context.detach(token)
            request_context.leave(bag, bag_token)

    def _start_span(self) -> tuple[Span, Context]:
        parent = extract(self._headers)
        span = self._owner.tracing.tracer.start_span(
            self._method, context=parent, kind=SpanKind.SERVER, attributes=self._start_attributes()
        )
        return span, set_span_in_context(span, parent)

    def _start_attributes(self) -> dict[str, Any]:
        scope = self._scope
        attributes: dict[str, Any] = {
            "http.request.method": self._method,
            "url.scheme": scope.get("scheme", "http"),
            "url.path": scope["path"],
            "network.protocol.version": scope.get("http_version", "1.1"),
        }
        if self._method == OTHER:
            attributes["http.request.method_original"] = scope["method"]
        if "user-agent" in self._headers:
            attributes["user_agent.original"] = self._headers["user-agent"]
        server = scope.get("server")
        if server is not None:
            attributes["server.address"] = server[0]
            if server[1] is not None:
                attributes["server.port"] = server[1]
        return attributes

    def _choose_request_id(self) -> str:
        given = self._headers.get("x-request-id", "")
        if valid_request_id(given):
            return given
        # Without one from the caller the trace id serves: one id to search for instead of two.
        trace_id = self._span.get_span_context().trace_id
        return f"{trace_id:032x}" if trace_id else new_request_id()

    def _on_start(self, message: Message) -> None:
        self._status = message["status"]
        headers = list(message.get("headers", ()))
        if not any(name.lower() == b"x-request-id" for name, _ in headers):
            headers.append((b"x-request-id", self._request_id.encode("latin-1")))
        message["headers"] = headers

    def _on_last_byte(self) -> None:
        self._ended = time.perf_counter()
        if self._status < _SERVER_ERRORS:
            self._finish()

    def _on_error(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            self._disconnected = True
        elif self._finished:
            # The caller has its answer; what failed came after it, such as a background task.
            with guarded("access line"):
                self._owner.pipe.emit("error", "http.background_failed", self._after_answer(error))
        else:
            self._error = error

    def _after_answer(self, error: BaseException) -> dict[str, Any]:
        route = route_template(self._scope)
        return {"method": self._method, "route": route, "exc_info": error}

    def _finish(self) -> None:
        if self._finished:
            return
        self._finished = True
        with guarded("request telemetry"):
            self._record((self._ended or time.perf_counter()) - self._started)

    def _outcome(self) -> tuple[str, str]:
        """Return ``outcome`` and ``error_type``."""
        if self._error is not None and not (self._disconnected and isinstance(self._error, OSError)):
            return "server_error", type(self._error).__name__
        if self._status >= _SERVER_ERRORS:
            return "server_error", str(self._status)
        if not self._ended:
            # No last byte and nobody to blame but the caller, who went away; or the
            # application returned without an answer.
            return ("aborted", "") if self._disconnected else ("server_error", "incomplete_response")
        return ("client_error", "") if self._status in _CLIENT_ERRORS else ("ok", "")

    def _record(self, duration_s: float) -> None:
        route = route_template(self._scope)
        outcome, error_type = self._outcome()
        status = str(self._status) if self._status else ""
        self._end_span(route, error_type)
        histogram = self._owner.metrics.histogram(
            SERVER_DURATION, self._method, route, status, error_type, outcome
        )
        histogram.observe(duration_s, self._exemplar())
        self._write_access_line(route, outcome, duration_s)

    def _exemplar(self) -> dict[str, str] | None:
        context = self._span.get_span_context()
        if not context.trace_flags.sampled:
            return None
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def _end_span(self, route: str, error_type: str) -> None:
        span = self._span
        if span.is_recording():
            name = "HTTP" if self._method == OTHER else self._method
            span.update_name(f"{name} {route}")
            span.set_attribute("http.route", route)
            span.set_attribute("request.id", self._request_id)
            if self._status:
                span.set_attribute("http.response.status_code", self._status)
            if self._error is not None:
                fail(span, self._error)
            elif error_type:
                span.set_attribute("error.type", error_type)
                span.set_status(StatusCode.ERROR)
        span.end()

    def _write_access_line(self, route: str, outcome: str, duration_s: float) -> None:
        fields: dict[str, Any] = {
            "method": self._scope["method"],
            "route": route,
            "path": self._scope["path"],
            "status": self._status or None,
            "duration_ms": round(duration_s * 1e3, 3),
            "outcome": outcome,
        }
        if self._error is not None:
            fields["exc_info"] = self._error
        level = "error" if outcome == "server_error" else "info"
        self._owner.pipe.emit(level, "http.request", fields)
