"""What is observed of one message that is published, whatever the broker."""

import time
from collections.abc import Callable, MutableMapping
from types import TracebackType

from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind, set_span_in_context

from obskit import context as request_context
from obskit._guard import guarded
from obskit.catalog import PUBLISH_DURATION, SENT
from obskit.messaging._headers import FLOW_START, PUBLISHED_AT, OutgoingHeaders, as_mapping, parent
from obskit.messaging._owner import Owner
from obskit.tracing import fail, inject

__all__ = ["Produced", "Published", "produce"]


def produce(
    headers: OutgoingHeaders, destination: str, system: str, owner: Callable[[], Owner]
) -> "Produced":
    """Return the context manager to publish one message in; *headers* is filled for it."""
    return Produced(owner, headers, system=system, destination=destination)


class Published:
    """A PRODUCER span around the publishing of one message; fills the message's *headers*.

    *operation* is ``publish``, or ``request`` where the span lasts until the reply is there.
    """

    def __init__(
        self,
        owner: Owner,
        headers: MutableMapping[str, str],
        *,
        system: str,
        destination: str,
        operation: str = "publish",
    ) -> None:
        self._owner = owner
        self._headers = headers
        self._destination = destination
        self._started = time.perf_counter()
        self._span = owner.tracing.tracer.start_span(
            f"{operation} {destination}",
            context=parent(headers),
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.system": system,
                "messaging.destination.name": destination,
                "messaging.operation.name": operation,
                "messaging.operation.type": "send",
            },
        )

    def __enter__(self) -> None:
        context = set_span_in_context(self._span)
        with guarded("message propagation"):
            inject(self._headers, context)
            now = time.time()
            self._headers[PUBLISHED_AT] = f"{now:.6f}"
            scope = request_context.bound()
            flow_start = (scope.flow_start if scope is not None else None) or now
            # A stored event brings the start of its own flow.
            self._headers.setdefault(FLOW_START, f"{flow_start:.6f}")
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


class Produced:
    """A PRODUCER span and metrics around the publishing of one message by any broker's client.

    Use it with ``async with`` or ``with`` around the client's call, and send *headers* with it.
    """

    def __init__(
        self, owner: Callable[[], Owner], headers: OutgoingHeaders, *, system: str, destination: str
    ) -> None:
        self._headers = headers
        self._filled = as_mapping(headers)
        self._published = Published(owner(), self._filled, system=system, destination=destination)

    def __enter__(self) -> None:
        before = dict(self._filled)
        self._published.__enter__()
        added = {name: value for name, value in self._filled.items() if before.get(name) != value}
        with guarded("message propagation"):
            _write(self._headers, added)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._published.__exit__(kind, error, traceback)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def _write(headers: OutgoingHeaders, added: MutableMapping[str, str]) -> None:
    if isinstance(headers, MutableMapping):
        headers.update(added)
        return
    # Of pairs with one name the reader may take either: ours replaces an older one.
    headers[:] = [pair for pair in headers if pair[0].lower() not in added]
    headers.extend((name, value.encode()) for name, value in added.items())
