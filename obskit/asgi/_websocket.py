"""What is observed of one websocket."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context

from obskit import context as request_context
from obskit._guard import guarded
from obskit._typing import ASGIApp, Message, Receive, Scope, Send
from obskit.asgi._arrival import Arrival
from obskit.asgi._outcome import caller_left, cause, close_label, of_connection
from obskit.asgi._routes import route_template
from obskit.catalog import ACTIVE_CONNECTIONS, CONNECTION_DURATION, WEBSOCKET_MESSAGES

if TYPE_CHECKING:
    from obskit.asgi._middleware import Owner

__all__ = ["Connection"]

_REFUSED = 403
_ABNORMAL = 1006
_NO_CODE = 1005


class Connection:
    """One websocket, from the request of its handshake to its close: one span, one line."""

    __slots__ = (
        "_arrival",
        "_code",
        "_error",
        "_in",
        "_messages_in",
        "_messages_out",
        "_opened",
        "_out",
        "_owner",
        "_scope",
        "_started",
        "_status",
    )

    def __init__(self, owner: "Owner", scope: Scope) -> None:
        self._owner = owner
        self._scope = scope
        self._started = time.perf_counter()
        self._opened = False
        self._status = 0
        self._code: int | None = None
        self._error: BaseException | None = None
        self._messages_in = 0
        self._messages_out = 0
        self._arrival = Arrival(owner.tracing, scope, "WS")

    async def run(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        """Let *app* serve the connection, and record how it went."""

        async def watched_receive() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                self._messages_in += 1
                self._in.inc()
            elif message["type"] == "websocket.disconnect" and self._code is None:
                self._code = _closed_with(message)
            return message

        async def watched_send(message: Message) -> None:
            self._before(message)
            try:
                await send(message)
            except OSError:
                if self._code is None:
                    self._code = _ABNORMAL
                raise
            if message["type"] == "websocket.send":
                self._messages_out += 1
                self._out.inc()

        bag = request_context.RequestScope(self._arrival.request_id, flow_start=time.time())
        bag_token = request_context.enter(bag)
        token = otel_context.attach(self._arrival.context)
        try:
            await app(self._scope, watched_receive, watched_send)
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                self._error = cause(error)
            raise
        finally:
            self._finish()
            otel_context.detach(token)
            request_context.leave(bag, bag_token)

    def _before(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            message["headers"] = self._arrival.named(list(message.get("headers", ())))
            self._open()
        elif kind == "websocket.http.response.start":
            self._status = message["status"]
            message["headers"] = self._arrival.named(list(message.get("headers", ())))
        elif kind == "websocket.close":
            if not self._opened:
                self._status = _REFUSED  # what a server answers to a close before the accept
            elif self._code is None:
                self._code = message.get("code") or 1000

    def _open(self) -> None:
        self._opened = True
        metrics, route = self._owner.metrics, route_template(self._scope)
        if not self._arrival.ours:
            self._arrival.name_outer(f"WS {route}", route)
        self._in = metrics.counter(WEBSOCKET_MESSAGES, route, "in")
        self._out = metrics.counter(WEBSOCKET_MESSAGES, route, "out")
        metrics.gauge(ACTIVE_CONNECTIONS).inc()

    def _finish(self) -> None:
        if self._opened:
            self._owner.metrics.gauge(ACTIVE_CONNECTIONS).dec()
        with guarded("websocket telemetry"):
            token = self._arrival.attach()
            try:
                self._record(time.perf_counter() - self._started)
            finally:
                if token is not None:
                    otel_context.detach(token)

    def _record(self, duration_s: float) -> None:
        if self._error is not None and caller_left(self._error):
            if self._code is None:
                self._code = getattr(self._error, "code", None) or _ABNORMAL
            self._error = None
        route = route_template(self._scope)
        if self._error is not None and self._code is None and self._opened:
            self._code = 1011  # what the server sends for the application that failed
        outcome, error_type = of_connection(self._code, self._status, self._error)
        self._end_span(route, error_type)
        self._owner.metrics.histogram(
            CONNECTION_DURATION, route, close_label(self._code), error_type, outcome
        ).observe(duration_s, self._arrival.exemplar())
        self._write_line(route, outcome, duration_s)

    def _end_span(self, route: str, error_type: str) -> None:
        attributes: dict[str, Any] = {
            "http.route": route,
            "obskit.websocket.messages_in": self._messages_in,
            "obskit.websocket.messages_out": self._messages_out,
        }
        if self._code is not None:
            attributes["obskit.websocket.close_code"] = self._code
        if self._status:
            attributes["http.response.status_code"] = self._status
        self._arrival.end(f"WS {route}", attributes, self._error, error_type)

    def _write_line(self, route: str, outcome: str, duration_s: float) -> None:
        fields: dict[str, Any] = {
            "route": route,
            "path": self._scope["path"],
            "status": self._status or None,
            "close_code": self._code,
            "duration_ms": round(duration_s * 1e3, 3),
            "messages_in": self._messages_in,
            "messages_out": self._messages_out,
            "outcome": outcome,
        }
        if self._error is not None:
            fields["exc_info"] = self._error
        self._owner.pipe.emit("error" if outcome == "server_error" else "info", "websocket.closed", fields)


def _closed_with(message: Message) -> int:
    code = int(message.get("code") or _NO_CODE)
    # uvicorn says 1005 of a lost connection too, then without the reason that a close frame has.
    return _ABNORMAL if code == _NO_CODE and "reason" not in message else code
