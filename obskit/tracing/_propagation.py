"""W3C trace context and baggage, in and out of any carrier of string headers."""

from collections.abc import Mapping, MutableMapping

from opentelemetry import propagate
from opentelemetry.context import Context

__all__ = ["extract", "inject"]


def extract(carrier: Mapping[str, str]) -> Context:
    """Return the context that *carrier* brings; header names are lower case."""
    return propagate.extract(carrier, context=Context()) if carrier else Context()


def inject(carrier: MutableMapping[str, str], context: Context | None = None) -> None:
    """Write the current (or the given) context into *carrier*."""
    propagate.inject(carrier, context=context)
