"""Spans for the user's own code."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from obskit._version import __version__
from obskit.redaction import redact_text

__all__ = ["fail", "span", "tracer"]


def tracer() -> trace.Tracer:
    """Return the tracer of the global provider as it is now: a span made before init() costs nothing."""
    provider = trace.get_tracer_provider()
    ours: trace.Tracer | None = getattr(provider, "_obskit_tracer", None)
    return ours or provider.get_tracer("obskit", __version__)


def fail(current: Span, error: BaseException) -> None:
    """Mark *current* as failed with *error*: ``error.type``, status, and one exception event.

    The text is redacted, for a message may quote what the user sent.
    """
    if not current.is_recording():
        return
    kind = type(error).__qualname__
    text = redact_text(str(error))
    current.set_attribute("error.type", kind)
    current.set_status(StatusCode.ERROR, text)
    current.add_event("exception", {"exception.type": kind, "exception.message": text})


@contextmanager
def span(name: str, *, kind: SpanKind = SpanKind.INTERNAL, **attributes: Any) -> Iterator[Span]:
    """Run a block as a span called *name*.

    Args:
        name: names the operation, without ids: one name is many spans.
        kind: INTERNAL, unless the block serves or calls another process.
        **attributes: strings, numbers, booleans or lists of one of them, as OpenTelemetry says.

    An exception marks the span as failed and goes on.
    """
    current = tracer().start_span(name, kind=kind, attributes=attributes)
    with trace.use_span(current, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield current
        except Exception as error:
            fail(current, error)
            raise
