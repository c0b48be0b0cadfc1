"""Metrics of calls to dependencies and of what protects them."""

from obskit.catalog._metric import LATENCY_BUCKETS, Metric

__all__ = [
    "BREAKER_STATE",
    "BREAKER_TRANSITIONS",
    "DEPENDENCY_CALLS",
    "DEPENDENCY_DURATION",
    "FALLBACKS",
    "RETRIED_CALLS",
    "RETRIES",
    "RETRY_BUDGET_REFUSED",
    "RETRY_BUDGET_REMAINING",
]

DEPENDENCY_DURATION = Metric(
    "obskit_dependency_duration_seconds",
    "histogram",
    "Duration of calls to dependencies, with their retries; error_type is empty when the call went well.",
    ("dependency", "operation", "error_type"),
    LATENCY_BUCKETS,
)
DEPENDENCY_CALLS = Metric(
    "obskit_dependency_calls_total",
    "counter",
    "Calls to dependencies by how they ended; a call with retries is one.",
    ("dependency", "operation", "outcome"),
)
RETRIES = Metric(
    "obskit_retry_attempts_total",
    "counter",
    "Attempts that failed and were tried again, by what was retried and why the attempt failed.",
    ("dependency", "callable", "error_type"),
)
RETRIED_CALLS = Metric(
    "obskit_retried_calls_total",
    "counter",
    "Calls to dependencies that needed at least one retry, by how they ended.",
    ("dependency", "operation", "outcome"),
)
RETRY_BUDGET_REMAINING = Metric(
    "obskit_retry_budget_remaining_ratio",
    "gauge",
    "Share of a retry budget that is left: 1 is full, at 0 failed calls are not retried.",
    ("dependency",),
    workers="livemin",
)
RETRY_BUDGET_REFUSED = Metric(
    "obskit_retry_budget_refused_total",
    "counter",
    "Retries that were not made because the retry budget was used up.",
    ("dependency",),
)
FALLBACKS = Metric(
    "obskit_fallbacks_total",
    "counter",
    "Answers that came from a fallback because the dependency failed, by kind of fallback.",
    ("dependency", "kind"),
)
BREAKER_STATE = Metric(
    "obskit_circuit_breaker_state",
    "gauge",
    "1 for the state that a circuit breaker is in, 0 for the others; of several workers, for each state that one of them is in.",
    ("dependency", "state"),
    workers="livemax",
)
BREAKER_TRANSITIONS = Metric(
    "obskit_circuit_breaker_transitions_total",
    "counter",
    "Changes of a circuit breaker's state, by the state it changed to.",
    ("dependency", "state"),
)
