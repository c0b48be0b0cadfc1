"""A retry budget: retries may add a share to the load of a dependency, and no more."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from opentelemetry import trace

from obskit._guard import guarded
from obskit.catalog import RETRY_BUDGET_REFUSED, RETRY_BUDGET_REMAINING
from obskit.errors import ConfigError
from obskit.resilience._owner import GetOwner, Owner

__all__ = ["Allowance", "RetryBudget"]

_Answer = bool | float | timedelta
_Errors = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], _Answer]


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many retries are allowed: *ratio* a call, *min_per_s* a second, at most *burst* at once."""

    ratio: float = 0.2
    burst: float = 10.0
    min_per_s: float = 0.5

    def __post_init__(self) -> None:
        least = {"ratio": 0, "burst": 1, "min_per_s": 0}
        for name, minimum in least.items():
            value = getattr(self, name)
            if not minimum <= value < float("inf"):
                msg = f"{name}={value!r} is not accepted for a retry budget; use a number, {minimum} or more."
                raise ConfigError(msg)


class RetryBudget:
    """A token bucket for the retries of one dependency; safe to share between tasks and threads.

    It starts full. Each call and each second put tokens in, each retry takes one out. Without a token a failed call is not retried, so that
    a dependency that is down gets ``1 + ratio`` times the calls and not ``attempts`` times.

    Made by :func:`obskit.retry_budget`.
    """

    def __init__(
        self,
        dependency: str,
        allowance: Allowance,
        owner: GetOwner,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dependency = dependency
        self._ratio = allowance.ratio
        self._burst = allowance.burst
        self._min_per_s = allowance.min_per_s
        self._owner = owner
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = allowance.burst
        self._filled_at = clock()
        self._exhausted = False

    @property
    def remaining(self) -> float:
        """The share of the budget that is left, 0 to 1."""
        with self._lock:
            self._refill()
            return self._tokens / self._burst

    def deposit(self) -> None:
        """Count one call, not one retry; :func:`obskit.dependency` does it when it is given the budget."""
        with self._lock:
            self._refill()
            self._tokens = min(self._burst, self._tokens + self._ratio)
            recovered = self._exhausted and self._tokens >= 1
            self._exhausted = self._exhausted and not recovered
            remaining = self._tokens / self._burst
        with guarded("retry budget telemetry"):
            self._owner().metrics.gauge(RETRY_BUDGET_REMAINING, self.dependency).set(remaining)

    def spend(self) -> bool:
        """Take one token for a retry and return True, or return False when there is none."""
        with self._lock:
            self._refill()
            granted = self._tokens >= 1
            if granted:
                self._tokens -= 1
            first = not granted and not self._exhausted
            self._exhausted = not granted
            remaining = self._tokens / self._burst
        with guarded("retry budget telemetry"):
            self._record(remaining, granted=granted, first=first)
        return granted

    def on(self, errors: _Errors) -> Callable[[Exception], _Answer]:
        """Return the predicate for ``stamina.retry(on=...)``: *errors*, as long as the budget lasts.

        *errors* is what stamina takes: a class, a tuple of classes, or a predicate, which may
        answer with the seconds to wait. stamina
        asks after its last attempt too, which then costs a token without a retry.
        """

        def retry(error: Exception) -> _Answer:
            wanted = isinstance(error, errors) if isinstance(errors, type | tuple) else errors(error)
            # 0.0 is an answer too: again, without waiting.
            return wanted if wanted is not False and self.spend() else False

        return retry

    def declare(self, owner: Owner) -> None:
        """Show the budget's series before its first use."""
        owner.metrics.gauge(RETRY_BUDGET_REMAINING, self.dependency).set(self.remaining)
        owner.metrics.counter(RETRY_BUDGET_REFUSED, self.dependency)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._min_per_s)
        self._filled_at = now

    def _record(self, remaining: float, *, granted: bool, first: bool) -> None:
        owner = self._owner()
        owner.metrics.gauge(RETRY_BUDGET_REMAINING, self.dependency).set(remaining)
        refused = owner.metrics.counter(RETRY_BUDGET_REFUSED, self.dependency)
        if granted:
            return
        refused.inc()
        trace.get_current_span().add_event("retry.budget_exhausted", {"peer.service": self.dependency})
        if first:
            owner.pipe.emit("warning", "retry.budget_exhausted", {"dependency": self.dependency})
