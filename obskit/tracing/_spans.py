"""Spans for the user's own code."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import Token
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode

from obskit._version import __version__
from obskit.redaction import redact_text

__all__ = ["detach", "fail", "inside", "span", "tracer", "untraced"]

_IDS = RandomIdGenerator()


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


def detach(token: Token[Context]) -> None:
    """End what ``opentelemetry.context.attach`` began.

    A block in a generator may end in another context than it began in: a dependency of FastAPI
    runs in two threads, a generator that nobody takes to its end is closed by the loop. The
    other context was never changed, and OpenTelemetry's ``detach`` would log an error.
    """
    with suppress(ValueError):
        token.var.reset(token)


@contextmanager
def inside(surroundings: Context) -> Iterator[None]:
    """Run a block in the context *surroundings*."""
    token = context.attach(surroundings)
    try:
        yield
    finally:
        detach(token)


@contextmanager
def untraced() -> Iterator[None]:
    """Run a block that makes no spans, neither here nor, by its traceparent, in the services it calls.

    It is below a span that was not sampled; who sets the sampler ``always_on`` sees it all the same.
    """
    apart = SpanContext(_IDS.generate_trace_id(), _IDS.generate_span_id(), is_remote=False)
    with inside(trace.set_span_in_context(NonRecordingSpan(apart))):
        yield


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
    try:
        with inside(trace.set_span_in_context(current)):
            yield current
    except Exception as error:
        fail(current, error)
        raise
    finally:
        current.end()
