"""The headers that travel with a message, beside W3C trace context and baggage."""

from collections.abc import Mapping

__all__ = ["FLOW_START", "PUBLISHED_AT", "seconds"]

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
