"""What a request or a websocket brings: the headers we read, its SERVER span and its request id."""

from contextvars import Token
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from obskit import context as request_context
from obskit._ids import new_request_id, valid_request_id
from obskit._typing import Scope
from obskit.catalog import OTHER
from obskit.tracing import Tracing, extract, fail

__all__ = ["Arrival"]

_WANTED = frozenset({b"traceparent", b"tracestate", b"baggage", b"x-request-id", b"user-agent", b"host"})


class Arrival:
    """The span of one request or websocket, ours or that of who traces outside of us."""

    __slots__ = ("_headers", "context", "ours", "request_id", "span")

    def __init__(self, tracing: Tracing, scope: Scope, method: str) -> None:
        self._headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _WANTED
        }
        self.context: Context
        outer = _outer_span()
        self.ours = outer is None
        if outer is not None:
            self.span, self.context = outer, otel_context.get_current()
        else:
            parent = extract(self._headers)
            self.span = tracing.tracer.start_span(
                method, context=parent, kind=SpanKind.SERVER, attributes=self._attributes(scope, method)
            )
            self.context = set_span_in_context(self.span, parent)
        self.request_id = self._choose_request_id()

    def _attributes(self, scope: Scope, method: str) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "url.scheme": scope.get("scheme", "http"),
            "url.path": scope["path"],
            "network.protocol.version": scope.get("http_version", "1.1"),
        }
        if scope["type"] == "websocket":
            attributes["network.protocol.name"] = "websocket"
        else:
            attributes["http.request.method"] = method
        if method == OTHER:
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
        trace_id = self.span.get_span_context().trace_id
        return f"{trace_id:032x}" if trace_id else new_request_id()

    def exemplar(self) -> dict[str, str] | None:
        """Return the exemplar that leads to the span, or None where it is not sampled."""
        context = self.span.get_span_context()
        if not context.trace_flags.sampled:
            return None
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def named(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return response *headers* with ``X-Request-ID``; one of the application's own stays."""
        if not any(name.lower() == b"x-request-id" for name, _ in headers):
            headers.append((b"x-request-id", self.request_id.encode("latin-1")))
        return headers

    def attach(self) -> Token[Context] | None:
        """Make the span the current one, under which lines get its ids; None where it is already.

        The application sends its last byte inside of spans of its own, such as contrib's.
        """
        return None if trace.get_current_span() is self.span else otel_context.attach(self.context)

    def name_outer(self, name: str, route: str) -> None:
        """Tell a span of somebody else what we know; it may have ended before we finish."""
        self.span.update_name(name)
        self.span.set_attributes({"http.route": route, "request.id": self.request_id})

    def end(
        self, name: str, attributes: dict[str, Any], error: BaseException | None, error_type: str
    ) -> None:
        """Name and end the span; a span of somebody else is named and left to them."""
        span = self.span
        if span.is_recording():
            span.update_name(name)
            attributes["request.id"] = self.request_id
            span.set_attributes(attributes)
            if error is not None:
                fail(span, error)
            elif error_type:
                span.set_attribute("error.type", error_type)
                span.set_status(StatusCode.ERROR)
        if self.ours:
            span.end()


def _outer_span() -> Span | None:
    """Return the SERVER span that a middleware outside of ours made for this very request.

    A request scope of ours around it means another request, which calls this application
    within the process.
    """
    span = trace.get_current_span()
    if span is trace.INVALID_SPAN or getattr(span, "kind", None) is not SpanKind.SERVER:
        return None
    return span if span.is_recording() and request_context.bound() is None else None
