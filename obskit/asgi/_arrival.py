"""What a request or a websocket brings: the headers we read, its SERVER span and its request id."""

from contextvars import Token
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode

from obskit import context as request_context
from obskit._ids import SPAN_KEY, ids_of, new_request_id, valid_request_id
from obskit._typing import Scope
from obskit.catalog import OTHER
from obskit.tracing import Tracing, exemplar, extract, fail, set_plain

__all__ = ["Arrival"]

_WANTED = {
    name.encode(): name for name in ("traceparent", "tracestate", "baggage", "x-request-id", "user-agent")
}
_CARRIED = frozenset({"traceparent", "tracestate", "baggage"})
_REQUEST_ID = b"x-request-id"
_NOTHING = Context()


class Arrival:
    """The span of one request or websocket, ours or that of who traces outside of us."""

    __slots__ = ("_headers", "_method", "_scope", "context", "ours", "request_id", "span")

    def __init__(self, tracing: Tracing, scope: Scope, method: str) -> None:
        self._scope = scope
        self._method = method
        self._headers: dict[str, bytes] = {}
        headers = self._headers
        for name, value in scope["headers"]:
            if name in _WANTED:
                headers[_WANTED[name]] = value
        self.span, self.context, self.ours = _outer() or self._begin(tracing)
        self.request_id = self._choose_request_id()

    def _begin(self, tracing: Tracing) -> tuple[Span, Context, bool]:
        """Start our own span, below the caller's if the headers name one."""
        parent = _NOTHING
        if not _CARRIED.isdisjoint(self._headers):
            parent = extract({name: value.decode("latin-1") for name, value in self._headers.items()})
        span = tracing.start_later(self._method, parent, SpanKind.SERVER, self._attributes)
        return span, Context({**parent, SPAN_KEY: span}), True

    def _attributes(self) -> dict[str, Any]:
        scope, method = self._scope, self._method
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
            attributes["user_agent.original"] = self._headers["user-agent"].decode("latin-1")
        server = scope.get("server")
        if server is not None:
            attributes["server.address"] = server[0]
            if server[1] is not None:
                attributes["server.port"] = server[1]
        return attributes

    def _choose_request_id(self) -> str:
        if "x-request-id" in self._headers:
            given = self._headers["x-request-id"].decode("latin-1")
            if valid_request_id(given):
                return given
        # Without one from the caller the trace id serves: one id to search for instead of two.
        ids = ids_of(self.span)
        return new_request_id() if ids is None else ids[0]

    def exemplar(self) -> dict[str, str] | None:
        """Return the exemplar that leads to the span, or None where it is not sampled."""
        return exemplar(self.span)

    def named(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return response *headers* with ``X-Request-ID``; one of the application's own stays."""
        for name, _ in headers:
            if len(name) == len(_REQUEST_ID) and name.lower() == _REQUEST_ID:
                return headers
        headers.append((_REQUEST_ID, self.request_id.encode("latin-1")))
        return headers

    def attach(self) -> Token[Context] | None:
        """Make the span the current one, under which lines get its ids; None where it is already.

        The application sends its last byte inside of spans of its own, such as contrib's.
        """
        current = otel_context.get_current().get(SPAN_KEY)
        return None if current is self.span else otel_context.attach(self.context)

    def name_outer(self, name: str, route: str) -> None:
        """Tell a span of somebody else what we know; it may have ended before we finish."""
        self.span.update_name(name)
        self.span.set_attributes({"http.route": route, "request.id": self.request_id})

    def end(
        self, name: str, attributes: dict[str, Any], error: BaseException | None, error_type: str
    ) -> None:
        """Name and end the span; a span of somebody else is named and left to them."""
        span = self.span
        if not span.is_recording():
            return
        span.update_name(name)
        attributes["request.id"] = self.request_id
        set_plain(span, attributes)
        if error is not None:
            fail(span, error)
        elif error_type:
            span.set_attribute("error.type", error_type)
            span.set_status(StatusCode.ERROR)
        if self.ours:
            span.end()


def _outer() -> tuple[Span, Context, bool] | None:
    """Return the SERVER span, and its context, that a middleware outside of ours made for this very request.

    A request scope of ours around it means another request, which calls this application
    within the process.
    """
    context = otel_context.get_current()
    span: Any = context.get(SPAN_KEY)
    if span is None or getattr(span, "kind", None) is not SpanKind.SERVER:
        return None
    return (span, context, False) if span.is_recording() and request_context.bound() is None else None
