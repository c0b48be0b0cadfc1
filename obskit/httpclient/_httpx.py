"""Instruments one httpx client by wrapping its transports.

At the transport each redirect and each retry is its own request, as OpenTelemetry's
conventions ask, and httpx's own errors are seen as the caller sees them.
"""

import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

import httpx
from opentelemetry import context as otel_context
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from obskit._guard import guarded
from obskit.catalog import CLIENT_DURATION, HTTP_METHODS, OTHER
from obskit.metrics import Metrics
from obskit.tracing import Tracing, fail, inject

__all__ = ["install"]

_MARK = "_obskit_instrumented"
_SERVER_ERRORS = 500
_CLIENT_ERRORS = 400


class Owner(Protocol):
    """What a client's instrumentation needs of the process's telemetry."""

    metrics: Metrics
    tracing: Tracing


def install(client: httpx.Client | httpx.AsyncClient, owner: Callable[[], Owner]) -> None:
    """Wrap the transports of *client*; a second call changes nothing.

    A caller may name a low-cardinality template of the URL for the metric and the span:
    ``client.get(url, extensions={"url_template": "/orders/{id}"})``.
    """
    if getattr(client, _MARK, False):
        return
    setattr(client, _MARK, True)
    _quieten()
    # httpx has no public door to a client's transports; these two names have stood since 0.15.
    if isinstance(client, httpx.AsyncClient):
        client._transport = _AsyncTransport(client._transport, owner)  # noqa: SLF001
        client._mounts = {  # noqa: SLF001
            pattern: transport and _AsyncTransport(transport, owner)
            for pattern, transport in client._mounts.items()  # noqa: SLF001
        }
    else:
        client._transport = _Transport(client._transport, owner)  # noqa: SLF001
        client._mounts = {  # noqa: SLF001
            pattern: transport and _Transport(transport, owner)
            for pattern, transport in client._mounts.items()  # noqa: SLF001
        }


def _quieten() -> None:
    """Drop httpx's own line a request: the span says more, and the line shows the whole query."""
    logger = logging.getLogger("httpx")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)


class _Transport(httpx.BaseTransport):
    def __init__(self, inner: httpx.BaseTransport, owner: Callable[[], Owner]) -> None:
        self._inner = inner
        self._owner = owner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with _Sent(self._owner(), request) as sent:
            sent.response = self._inner.handle_request(request)
            return sent.response

    def close(self) -> None:
        self._inner.close()


class _AsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport, owner: Callable[[], Owner]) -> None:
        self._inner = inner
        self._owner = owner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _Sent(self._owner(), request) as sent:
            sent.response = await self._inner.handle_async_request(request)
            return sent.response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Sent:
    """One request on its way: the span is current while it runs, so that the context is propagated."""

    def __init__(self, owner: Owner, request: httpx.Request) -> None:
        self._owner = owner
        self._request = request
        self._method = request.method if request.method in HTTP_METHODS else OTHER
        self._template = str(request.extensions.get("url_template", ""))
        self.response: httpx.Response | None = None

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        self._span = self._start_span()
        self._token = otel_context.attach(set_span_in_context(self._span))
        with guarded("httpx propagation"):
            inject(self._request.headers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        duration_s = time.perf_counter() - self._started
        otel_context.detach(self._token)
        with guarded("httpx telemetry"):
            self._finish(error, duration_s)

    def _start_span(self) -> Span:
        url = self._request.url
        attributes: dict[str, Any] = {
            "http.request.method": self._method,
            "server.address": url.host,
            "url.full": str(url.copy_with(username=None, password=None, query=None, fragment=None)),
        }
        if url.port is not None:
            attributes["server.port"] = url.port
        if self._template:
            attributes["url.template"] = self._template
        name = f"{self._method} {self._template}".rstrip()
        return self._owner.tracing.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    def _finish(self, error: BaseException | None, duration_s: float) -> None:
        status = "" if self.response is None else str(self.response.status_code)
        self._end_span(error)
        context = self._span.get_span_context()
        exemplar = None
        if context.trace_flags.sampled:
            exemplar = {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
        self._owner.metrics.histogram(
            CLIENT_DURATION,
            self._method,
            self._request.url.host,
            self._template,
            status,
            _error_type(self.response, error),
        ).observe(duration_s, exemplar)

    def _end_span(self, error: BaseException | None) -> None:
        if error is not None:
            fail(self._span, error)
        elif self.response is not None:
            self._span.set_attribute("http.response.status_code", self.response.status_code)
            # OpenTelemetry: for a client every 4xx is an error of the span; the metric's label
            # is set for 5xx only, because "not found" is an answer and not a failed dependency.
            if self.response.status_code >= _CLIENT_ERRORS:
                self._span.set_attribute("error.type", str(self.response.status_code))
                self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _error_type(response: httpx.Response | None, error: BaseException | None) -> str:
    if error is not None:
        return type(error).__name__
    if response is not None and response.status_code >= _SERVER_ERRORS:
        return str(response.status_code)
    return ""
