"""One outbound request: its CLIENT span, its observation, and the trace's headers."""

import time
from types import TracebackType
from typing import Any, Protocol, Self

from opentelemetry import context as otel_context
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from obskit._guard import guarded
from obskit.catalog import CLIENT_BODY_FAILURES, CLIENT_DURATION, CLIENT_RETRIES, HTTP_METHODS, OTHER
from obskit.httpclient._resend import after_failure, after_success, resends
from obskit.metrics import Metrics
from obskit.tracing import Tracing, exemplar, fail, inject, set_plain

__all__ = ["Owner", "Sent"]

_SERVER_ERRORS = 500
_CLIENT_ERRORS = 400
_WORTH_A_RETRY = frozenset({408, 429})


class Owner(Protocol):
    """What a client's instrumentation needs of the process's telemetry."""

    metrics: Metrics
    tracing: Tracing


class Sent:
    """One request on its way: the span is current while it runs, so that the context is propagated.

    It covers what the caller waits for, up to the response's headers; a body that breaks off
    later leaves a span of its own and a count.
    """

    def __init__(self, owner: Owner, request: Any) -> None:
        self._owner = owner
        self._request = request
        self._method = request.method if request.method in HTTP_METHODS else OTHER
        self._template = str(request.extensions.get("url_template", ""))
        self._host: str = request.url.host
        self.response: Any = None

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
        self._count, is_retry = resends(self._request)
        if is_retry:
            self._owner.metrics.counter(CLIENT_RETRIES, self._host, self._template).inc()
        return self._owner.tracing.start_later(self._name(), None, SpanKind.CLIENT, self._attributes)

    def _attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "http.request.method": self._method,
            "server.address": self._host,
            "url.full": self._url(),
        }
        if self._method == OTHER:
            attributes["http.request.method_original"] = self._request.method
        if self._request.url.port is not None:
            attributes["server.port"] = self._request.url.port
        if self._template:
            attributes["url.template"] = self._template
        if self._count:
            attributes["http.request.resend_count"] = self._count
        return attributes

    def _name(self) -> str:
        method = "HTTP" if self._method == OTHER else self._method
        return f"{method} {self._template}".rstrip()

    def _url(self) -> str:
        url = self._request.url
        if url.userinfo:
            url = url.copy_with(username=None, password=None)
        # In a URL as httpx keeps it these two stand for nothing but the beginning of query and fragment.
        return str(url).partition("#")[0].partition("?")[0]

    def _finish(self, error: BaseException | None, duration_s: float) -> None:
        code = 0 if self.response is None else self.response.status_code
        failed = error is not None or code >= _SERVER_ERRORS or code in _WORTH_A_RETRY
        (after_failure if failed else after_success)(self._request)
        self._end_span(error, code)
        self._owner.metrics.histogram(
            CLIENT_DURATION,
            self._method,
            self._host,
            self._template,
            str(code) if code else "",
            _error_type(code, error),
        ).observe(duration_s, exemplar(self._span))

    def _end_span(self, error: BaseException | None, code: int) -> None:
        span = self._span
        if not span.is_recording():
            return
        if error is not None:
            fail(span, error)
        elif code < _CLIENT_ERRORS:
            set_plain(span, {"http.response.status_code": code})
        else:
            # OpenTelemetry: for a client every 4xx is an error of the span; the metric's label
            # is set for 5xx only, because "not found" is an answer and not a failed dependency.
            set_plain(span, {"http.response.status_code": code, "error.type": str(code)})
            span.set_status(StatusCode.ERROR)
        span.end()

    def on_body_failure(self, error: BaseException, since_ns: int) -> None:
        """Record that the body broke off with *error*, *since_ns* being when its headers came."""
        with guarded("httpx telemetry"):
            after_failure(self._request)
            span = self._owner.tracing.tracer.start_span(
                f"{self._name()} body",
                context=set_span_in_context(self._span),
                attributes={"server.address": self._host, "url.full": self._url()},
                start_time=since_ns,
            )
            fail(span, error)
            span.end()
            self._owner.metrics.counter(
                CLIENT_BODY_FAILURES, self._host, self._template, type(error).__name__
            ).inc()


def _error_type(code: int, error: BaseException | None) -> str:
    if error is not None:
        return type(error).__name__
    return str(code) if code >= _SERVER_ERRORS else ""
