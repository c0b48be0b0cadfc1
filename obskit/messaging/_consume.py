"""What is observed of one message that is handled, whatever the broker."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind, set_span_in_context

from obskit import context as request_context
from obskit._guard import guarded
from obskit.catalog import (
    CONSUMED,
    DEAD_LETTER_REASONS,
    DEAD_LETTERS,
    END_TO_END,
    FLOW_DURATION,
    PROCESS_DURATION,
    REDELIVERED,
)
from obskit.messaging._headers import FLOW_START, PUBLISHED_AT, as_mapping, seconds
from obskit.messaging._message import Message, read
from obskit.messaging._owner import Owner
from obskit.metrics import Metrics
from obskit.tracing import exemplar, extract, fail, set_plain

__all__ = ["Consumed", "consume"]


def consume(message: Any, destination: str, owner: Callable[[], Owner]) -> "Consumed":
    """Return the context manager to handle *message* in; *destination* is its subject or topic.

    The consumer's span is a child of the producer's, so that service graphs have the edge.

    Raises:
        TypeError: *message* is of no known broker and not an :class:`obskit.messaging.Message`.
    """
    return Consumed(owner, read(message), destination)


class Consumed:
    """A CONSUMER span, a request scope and RED metrics around the handling of one message.

    Use it with ``async with`` or ``with`` around the handler. What the handler raises is
    recorded, logged as ``message.failed`` and raised on: acknowledging is the handler's.
    """

    def __init__(self, owner: Callable[[], Owner], message: Message, destination: str) -> None:
        self._owner = owner
        self._headers = as_mapping(message.headers)
        self._destination = destination
        self.message = message
        """What the message says about itself: ``delivery`` is 1 for the first delivery."""

    def dead_letter(self, reason: str) -> None:
        """Record that the message is given up: it will not be delivered again.

        Call it inside the block, once the message is set aside where somebody can find it.
        Counts ``obskit_messaging_dead_letters_total``, logs ``message.dead_lettered`` and
        sets the span attribute ``obskit.dead_letter``. *reason* is ``max_deliveries``,
        ``poison``, or another word of your code; never text that varies.
        """
        with guarded("message telemetry"):
            owner, destination = self._owner(), self._destination
            owner.metrics.counter(DEAD_LETTERS, destination, reason).inc()
            self._span.set_attribute("obskit.dead_letter", reason)
            fields = {"destination": destination, "reason": reason, "delivery": self.message.delivery}
            owner.pipe.emit("error", "message.dead_lettered", fields)

    def __enter__(self) -> Self:
        owner = self._owner()
        self._started = time.perf_counter()
        parent = extract(self._headers)
        self._span = owner.tracing.start_later(
            f"process {self._destination}", parent, SpanKind.CONSUMER, self._attributes
        )
        trace_id = self._span.get_span_context().trace_id
        flow_start = seconds(self._headers, FLOW_START)
        self._scope = request_context.RequestScope(f"{trace_id:032x}", flow_start=flow_start)
        self._scope.destination = self._destination
        self._scope_token = request_context.enter(self._scope)
        self._token = otel_context.attach(set_span_in_context(self._span, parent))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        duration_s = time.perf_counter() - self._started
        with guarded("message telemetry"):
            self._record(error, duration_s)
        otel_context.detach(self._token)
        request_context.leave(self._scope, self._scope_token)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _attributes(self) -> dict[str, Any]:
        message = self.message
        attributes: dict[str, Any] = {
            "messaging.system": message.system,
            "messaging.destination.name": self._destination,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
        }
        if message.message_id:
            attributes["messaging.message.id"] = message.message_id
        if message.consumer:
            attributes["messaging.consumer.group.name"] = message.consumer
        if message.delivery > 1:
            attributes["obskit.delivery"] = message.delivery
        return attributes

    def _record(self, error: BaseException | None, duration_s: float) -> None:
        owner, destination, delivery = self._owner(), self._destination, self.message.delivery
        if error is not None:
            fail(self._span, error)
            fields = {"destination": destination, "delivery": delivery, "exc_info": error}
            owner.pipe.emit("error", "message.failed", fields)
        if self._scope.attributes:
            set_plain(self._span, self._scope.attributes)
        self._span.end()
        error_type = "" if error is None else type(error).__name__
        link = exemplar(self._span)
        metrics = owner.metrics
        metrics.counter(CONSUMED, destination, error_type).inc()
        metrics.histogram(PROCESS_DURATION, destination, error_type).observe(duration_s, link)
        # There from the first message on: increase() does not see a counter that is born at 1.
        redelivered = metrics.counter(REDELIVERED, destination)
        for reason in DEAD_LETTER_REASONS:
            metrics.counter(DEAD_LETTERS, destination, reason)
        if delivery > 1:
            redelivered.inc()
        if error is None:
            self._record_ages(metrics, link)

    def _record_ages(self, metrics: Metrics, link: dict[str, str] | None) -> None:
        now = time.time()
        for metric, header in ((END_TO_END, PUBLISHED_AT), (FLOW_DURATION, FLOW_START)):
            began = seconds(self._headers, header)
            if began is not None:
                # Clocks of two hosts differ: an age is never below nothing.
                metrics.histogram(metric, self._destination).observe(max(0.0, now - began), link)
