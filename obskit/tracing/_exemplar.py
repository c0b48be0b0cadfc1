"""Links a metric's observation to the span that it was made in."""

from opentelemetry.trace import Span

__all__ = ["exemplar"]


def exemplar(span: Span) -> dict[str, str] | None:
    """Return the exemplar labels that name *span*, or None where its trace is neither sampled nor kept."""
    context = span.get_span_context()
    if not context.trace_flags.sampled and not getattr(span, "obskit_kept", False):
        return None
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
