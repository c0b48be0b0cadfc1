"""Calls to dependencies and what protects them: retries, retry budgets, fallbacks, circuit breakers."""

from obskit.resilience._breaker import BREAKER_STATES, watch_breaker
from obskit.resilience._budget import Allowance, RetryBudget
from obskit.resilience._dependency import OUTCOMES, Dependency
from obskit.resilience._fallback import FALLBACK_KINDS, FallbackKind, fallback
from obskit.resilience._retries import watch_retries

__all__ = [
    "BREAKER_STATES",
    "FALLBACK_KINDS",
    "OUTCOMES",
    "Allowance",
    "Dependency",
    "FallbackKind",
    "RetryBudget",
    "fallback",
    "watch_breaker",
    "watch_retries",
]
