"""Makes spans of what is over already, at a third of the SDK's cost.

The SDK makes a span that can be changed while it runs, with locks and copies. What is over
when it is told, such as a database statement, needs none of that.
"""

from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Tracer, get_current_span
from opentelemetry.trace.status import Status, StatusCode

from obskit._version import __version__
from obskit.tracing._quick import is_ours

__all__ = ["left_out", "record_ended"]

_SCOPE = InstrumentationScope("obskit", __version__)


def left_out() -> bool:
    """Tell whether the current trace is neither sampled nor recorded: a child gets what its parent got."""
    parent = get_current_span()
    above = parent.get_span_context()
    return above.is_valid and not above.trace_flags.sampled and not parent.is_recording()


def record_ended(  # noqa: PLR0913 - all that a span is
    provider: TracerProvider,
    tracer: Tracer,
    name: str,
    attributes: dict[str, Any],
    *,
    kind: SpanKind,
    start_ns: int,
    end_ns: int,
    failed: str = "",
) -> SpanContext | None:
    """Record a span below the current one, which is not :func:`left_out`; return its context if it is sampled.

    *attributes* are strings, whole numbers and booleans, and are kept, not copied. *failed*
    is the description of the failure. Where a sampler or a processor is somebody else's,
    the SDK makes the span: they may want to see it start.
    """
    parent = get_current_span()
    above = parent.get_span_context()
    status = Status(StatusCode.ERROR, failed) if failed else Status()
    if isinstance(parent, Span) and parent.is_recording() and _nobody_else(provider):
        context = SpanContext(
            above.trace_id,
            provider.id_generator.generate_span_id(),
            is_remote=False,
            trace_flags=above.trace_flags,
            trace_state=above.trace_state,
        )
        span = ReadableSpan(
            name,
            context,
            above,
            provider.resource,
            attributes,
            kind=kind,
            status=status,
            start_time=start_ns,
            end_time=end_ns,
            instrumentation_scope=_SCOPE,
        )
        provider._active_span_processor.on_end(span)  # noqa: SLF001 - there is no public door to it
        return context if above.trace_flags.sampled else None
    made = tracer.start_span(name, kind=kind, attributes=attributes, start_time=start_ns)
    if failed:
        made.set_status(status)
    made.end(end_ns)
    context = made.get_span_context()
    return context if context.trace_flags.sampled else None


def _nobody_else(provider: TracerProvider) -> bool:
    return is_ours(provider._active_span_processor, provider.sampler)  # noqa: SLF001 - as above
