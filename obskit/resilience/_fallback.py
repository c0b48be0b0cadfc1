"""Answers that did not come from the dependency itself."""

import sys
from typing import Literal

from opentelemetry import trace

from obskit._guard import guarded
from obskit.catalog import FALLBACKS
from obskit.metrics import Metrics
from obskit.resilience._owner import GetOwner

__all__ = ["FALLBACK_KINDS", "FallbackKind", "fallback", "prepare_fallbacks"]

FallbackKind = Literal["cached", "default", "replica"]
FALLBACK_KINDS: tuple[FallbackKind, ...] = ("cached", "default", "replica")


def fallback(dependency: str, kind: FallbackKind, owner: GetOwner) -> None:
    """Record that an answer of *kind* was given instead of one from *dependency*.

    The exception that is being handled, if there is one, is named in the log line.
    """
    error = sys.exception()
    why = "" if error is None else type(error).__name__
    telemetry = owner()
    with guarded("fallback telemetry"):
        prepare_fallbacks(telemetry.metrics, dependency)
        telemetry.metrics.counter(FALLBACKS, dependency, kind).inc()
        span = trace.get_current_span()
        span.set_attribute("obskit.fallback.kind", kind)
        span.add_event("fallback", {"peer.service": dependency, "kind": kind, "error.type": why})
        telemetry.pipe.emit(
            "warning", "fallback.used", {"dependency": dependency, "kind": kind, "error": why}
        )


def prepare_fallbacks(metrics: Metrics, dependency: str) -> None:
    """Show every kind at 0 before the first: increase() does not see a counter that is born at 1."""
    for kind in FALLBACK_KINDS:
        metrics.counter(FALLBACKS, dependency, kind)
