"""Links a metric's observation to the span that it was made in."""

from opentelemetry.trace import Span, TraceFlags

from obskit._ids import ids_of

__all__ = ["exemplar"]

_SAMPLED = TraceFlags.SAMPLED


def exemplar(span: Span) -> dict[str, str] | None:
    """Return the exemplar labels that name *span*, or None where its trace is neither sampled nor kept."""
    context = span.get_span_context()
    if not context.trace_flags & _SAMPLED and not getattr(span, "obskit_kept", False):
        return None
    ids = ids_of(span)
    return None if ids is None else {"trace_id": ids[0], "span_id": ids[1]}
