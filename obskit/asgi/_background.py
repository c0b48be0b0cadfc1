"""What an application does after the last byte of its answer, apart from the request's own time."""

import time
from typing import TYPE_CHECKING

from opentelemetry.trace import get_current_span

from obskit._typing import Scope
from obskit.asgi._routes import route_template
from obskit.catalog import BACKGROUND_DURATION
from obskit.tracing import fail

if TYPE_CHECKING:
    from obskit.asgi._middleware import Owner

__all__ = ["record_background"]


def record_background(owner: "Owner", scope: Scope, after_s: float, error: BaseException | None) -> None:
    """Record *after_s* seconds of work after the answer as a span and a metric, its failure as a line too.

    The span is made when the work is over, a child of the request's, so that the request's
    own span ends with its answer.
    """
    route = route_template(scope)
    error_type = "" if error is None else type(error).__name__
    now = time.time_ns()
    span = owner.tracing.tracer.start_span(
        f"background {route}", attributes={"http.route": route}, start_time=now - int(after_s * 1e9)
    )
    if error is not None:
        fail(span, error)
        # Our span is not current for the line: the request's is, whose id the access line has too.
        owner.pipe.emit(
            "error", "http.background_failed", {"method": scope["method"], "route": route, "exc_info": error}
        )
    span.end(now)
    context = get_current_span().get_span_context()
    exemplar = None
    if context.trace_flags.sampled:
        exemplar = {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
    owner.metrics.histogram(BACKGROUND_DURATION, route, error_type).observe(after_s, exemplar)
