"""What is observed of one message that is published, whatever the broker."""

import time
from collections.abc import MutableMapping
from types import TracebackType
from typing import Protocol

from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind, set_span_in_context

from obskit import context as request_context
from obskit._guard import guarded
from obskit.catalog import PUBLISH_DURATION, SENT
from obskit.messaging._headers import FLOW_START, PUBLISHED_AT
from obskit.metrics import Metrics
from obskit.tracing import Tracing, fail, inject

__all__ = ["Owner", "Published"]


class Owner(Protocol):
    """What messaging needs of the process's telemetry."""

    metrics: Metrics
    tracing: Tracing


class Published:
    """A PRODUCER span around the publishing of one message; fills the message's *headers*."""

    def __init__(
        self, owner: Owner, headers: MutableMapping[str, str], *, system: str, destination: str
    ) -> None:
        self._owner = owner
        self._headers = headers
        self._destination = destination
        self._started = time.perf_counter()
        self._span = owner.tracing.tracer.start_span(
            f"publish {destination}",
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.system": system,
                "messaging.destination.name": destination,
                "messaging.operation.name": "publish",
                "messaging.operation.type": "send",
            },
        )

    def __enter__(self) -> None:
        context = set_span_in_context(self._span)
        with guarded("message propagation"):
            inject(self._headers, context)
            now = time.time()
            scope = request_context.bound()
            flow_start = (scope.flow_start if scope is not None else None) or now
            self._headers[PUBLISHED_AT] = f"{now:.6f}"
            self._headers[FLOW_START] = f"{flow_start:.6f}"
        self._token = otel_context.attach(context)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        duration_s = time.perf_counter() - self._started
        otel_context.detach(self._token)
        with guarded("message telemetry"):
            if error is not None:
                fail(self._span, error)
            self._span.end()
            error_type = "" if error is None else type(error).__name__
            metrics = self._owner.metrics
            metrics.counter(SENT, self._destination, error_type).inc()
            metrics.histogram(PUBLISH_DURATION, self._destination, error_type).observe(duration_s)
