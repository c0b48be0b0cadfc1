"""The headers that travel with a message, beside W3C trace context and baggage."""

from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context

from obskit import context as request_context
from obskit.tracing import extract, inject

__all__ = [
    "FLOW_START",
    "PUBLISHED_AT",
    "Headers",
    "OutgoingHeaders",
    "as_mapping",
    "message_headers",
    "parent",
    "seconds",
]

Headers = Mapping[str, Any] | Iterable[tuple[str, Any]] | None
"""What brokers call headers: a mapping (NATS, RabbitMQ), pairs (Kafka), or none at all."""

OutgoingHeaders = MutableMapping[str, Any] | MutableSequence[tuple[str, bytes]]
"""Headers that can still be added to: a dict of text, or a list of Kafka's pairs."""

PUBLISHED_AT = "obskit-published-at"
"""When the message was published, in Unix seconds."""

FLOW_START = "obskit-flow-start"
"""When the request (or first publish) began that this chain of messages goes back to, in Unix seconds."""


def seconds(headers: Mapping[str, str], name: str) -> float | None:
    """Return a time header as a number, or None when it is absent or not a number."""
    try:
        return float(headers[name])
    except (KeyError, ValueError):
        return None


def as_mapping(headers: Headers) -> dict[str, str]:
    """Return *headers* as text by lower-case name; bytes are read as UTF-8, of pairs the last wins."""
    if not headers:
        return {}
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return {str(name).lower(): _text(value) for name, value in pairs}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def message_headers() -> dict[str, str]:
    """Return the headers of this moment, to be stored with an event that is published later.

    An outbox writes them beside the event, in its transaction; when the relay publishes
    with them, the message belongs to the trace of the request that made the event, and its
    flow age counts from that request.
    """
    headers: dict[str, str] = {}
    inject(headers)
    scope = request_context.bound()
    if scope is not None and scope.flow_start is not None:
        headers[FLOW_START] = f"{scope.flow_start:.6f}"
    return headers


def parent(headers: Mapping[str, str]) -> Context | None:
    """Return the context that stored *headers* bring, or None when the current one is right.

    The current span wins within one trace, for it is nearer; else what the headers say,
    for a relay's own context has nothing to do with the events that it publishes.
    """
    if "traceparent" not in headers:
        return None
    stored = extract(headers)
    trace_id = trace.get_current_span(stored).get_span_context().trace_id
    if trace.get_current_span().get_span_context().trace_id == trace_id:
        return None
    return stored
