"""Retries that stamina makes, seen through its own hooks."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from opentelemetry import trace

from obskit._guard import guarded
from obskit.catalog import RETRIES
from obskit.redaction import redact_text
from obskit.resilience._dependency import current_call
from obskit.resilience._owner import GetOwner

if TYPE_CHECKING:
    from stamina.instrumentation import RetryDetails

__all__ = ["watch_retries"]


def watch_retries(owner: GetOwner) -> None:
    """Have stamina report each retry to us, if it is installed; hooks that the user has set stay.

    stamina's default hooks go: one logs the arguments of the call, which may be secrets, and
    the other counts in the global registry, which no page of ours shows.
    """
    if find_spec("stamina") is None:
        return
    from stamina import instrumentation  # an optional package

    kept = [
        hook
        for hook in instrumentation.get_on_retry_hooks()
        if not isinstance(hook, RetryHook) and not (hook.__module__ or "").startswith("stamina.")
    ]
    instrumentation.set_on_retry_hooks([*kept, RetryHook(owner)])


class RetryHook:
    """Called by stamina when an attempt has failed and another one is scheduled."""

    def __init__(self, owner: GetOwner) -> None:
        self._owner = owner

    def __call__(self, details: "RetryDetails") -> None:
        with guarded("retry telemetry"):
            self._record(details)

    def _record(self, details: "RetryDetails") -> None:
        call = current_call()
        if call is not None:
            call.retries += 1
        dependency = "" if call is None else call.name
        kind, why = type(details.caused_by).__name__, redact_text(str(details.caused_by))
        owner = self._owner()
        owner.metrics.counter(RETRIES, dependency, details.name, kind).inc()
        trace.get_current_span().add_event(
            "retry",
            {
                "callable": details.name,
                "attempt": details.retry_num,
                "wait_s": details.wait_for,
                "error.type": kind,
                "exception.message": why,
            },
        )
        fields = {
            "callable": details.name,
            "dependency": dependency,
            "attempt": details.retry_num,
            "wait_s": round(details.wait_for, 3),
            "error": kind,
            "why": why,
        }
        owner.pipe.emit("warning", "retry.scheduled", fields)
