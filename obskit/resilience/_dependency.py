"""One call to something that the service depends on: span, RED metrics, and how it ended."""

import time
from collections.abc import Iterator
from functools import lru_cache
from types import TracebackType

from opentelemetry import context as otel_context
from opentelemetry.trace import Span, SpanKind, set_span_in_context

from obskit._guard import guarded
from obskit.catalog import DEPENDENCY_CALLS, DEPENDENCY_DURATION, RETRIED_CALLS
from obskit.metrics import Metrics
from obskit.resilience._budget import RetryBudget
from obskit.resilience._fallback import prepare_fallbacks
from obskit.resilience._owner import GetOwner
from obskit.tracing import detach, exemplar, fail

__all__ = ["OUTCOMES", "Dependency", "current_call"]

OUTCOMES = ("ok", "error", "timeout", "cancelled", "rejected")
"""How a call ends; *rejected* is a circuit breaker that did not let it through."""

_KEY = otel_context.create_key("obskit-dependency")
_CAUSES_LOOKED_AT = 5
_BREAKERS = {"purgatory", "pybreaker"}


class Dependency:
    """A CLIENT span, a duration and an outcome around one call; use it once, with ``with`` or ``async with``.

    What the block raises is recorded and raised on. Entering gives the span.
    """

    def __init__(
        self, name: str, operation: str, owner: GetOwner, retry_budget: RetryBudget | None = None
    ) -> None:
        self.name = name
        self.operation = operation
        self.retries = 0
        """Attempts inside the block that stamina has made again."""
        self._owner = owner
        self._budget = retry_budget

    def __enter__(self) -> Span:
        owner = self._owner()
        self._started = time.perf_counter()
        self._span = owner.tracing.tracer.start_span(
            f"{self.name} {self.operation}",
            kind=SpanKind.CLIENT,
            attributes={"peer.service": self.name, "obskit.dependency.operation": self.operation},
        )
        self._token = otel_context.attach(otel_context.set_value(_KEY, self, set_span_in_context(self._span)))
        with guarded("dependency telemetry"):
            _prepare(owner.metrics, self.name, self.operation)
            if self._budget is not None:
                self._budget.deposit()
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        duration_s = time.perf_counter() - self._started
        detach(self._token)
        with guarded("dependency telemetry"):
            self._record(error, duration_s)

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _record(self, error: BaseException | None, duration_s: float) -> None:
        outcome, metrics = outcome_of(error), self._owner().metrics
        self._end_span(error, outcome)
        error_type = "" if error is None else type(error).__name__
        metrics.counter(DEPENDENCY_CALLS, self.name, self.operation, outcome).inc()
        metrics.histogram(DEPENDENCY_DURATION, self.name, self.operation, error_type).observe(
            duration_s, exemplar(self._span)
        )
        if self.retries:
            metrics.counter(RETRIED_CALLS, self.name, self.operation, outcome).inc()

    def _end_span(self, error: BaseException | None, outcome: str) -> None:
        self._span.set_attribute("obskit.dependency.outcome", outcome)
        if self.retries:
            self._span.set_attribute("obskit.retries", self.retries)
        if outcome == "cancelled":
            # The caller gave up: nothing says that the dependency failed.
            self._span.set_attribute("error.type", type(error).__qualname__)
        elif error is not None:
            fail(self._span, error)
        self._span.end()


class _Shown:
    """Whose metrics show the series of one operation already."""

    __slots__ = ("metrics",)

    def __init__(self) -> None:
        self.metrics: Metrics | None = None


@lru_cache(maxsize=1024)
def _shown(_name: str, _operation: str) -> _Shown:
    return _Shown()


def _prepare(metrics: Metrics, name: str, operation: str) -> None:
    """Show every outcome at 0 before the first: increase() does not see a counter that is born at 1."""
    shown = _shown(name, operation)
    if shown.metrics is metrics:
        return
    shown.metrics = metrics
    for outcome in OUTCOMES:
        metrics.counter(DEPENDENCY_CALLS, name, operation, outcome)
        metrics.counter(RETRIED_CALLS, name, operation, outcome)
    metrics.histogram(DEPENDENCY_DURATION, name, operation, "")
    prepare_fallbacks(metrics, name)


def outcome_of(error: BaseException | None) -> str:
    """Return how a call ended that raised *error*, by its class, its bases and what it was raised from.

    A timeout is any class that is named so, whoever's it is.
    """
    if error is None:
        return "ok"
    if not isinstance(error, Exception):  # CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit
        return "cancelled"
    bases = [base for each in _causes(error) for base in type(each).__mro__]
    if any("Timeout" in base.__name__ for base in bases):
        return "timeout"
    if any(base.__module__.partition(".")[0] in _BREAKERS for base in bases):
        return "rejected"
    return "error"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and what it was raised from; clients wrap a timeout in an error of their own."""
    cause: BaseException | None = error
    for _ in range(_CAUSES_LOOKED_AT):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__


def current_call() -> Dependency | None:
    """Return the innermost call to a dependency that is being made now, or None."""
    call = otel_context.get_value(_KEY)
    return call if isinstance(call, Dependency) else None
