"""Metrics of caches."""

from obskit.catalog._metric import JOB_BUCKETS, Metric

__all__ = [
    "CACHE_DURATION",
    "CACHE_ENTRIES",
    "CACHE_EVICTIONS",
    "CACHE_HIT_AGE",
    "CACHE_LOOKUPS",
]

_FAST = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds: a cache in memory answers in microseconds, one over the network in about one millisecond."""

CACHE_LOOKUPS = Metric(
    "obskit_cache_lookups_total",
    "counter",
    "Keys looked up in a cache: found (hit), not found (miss), or the cache failed (error).",
    ("cache_name", "backend", "outcome"),
)
CACHE_DURATION = Metric(
    "obskit_cache_operation_duration_seconds",
    "histogram",
    "Duration of a cache's operations.",
    ("cache_name", "backend", "operation", "error_type"),
    _FAST,
)
CACHE_HIT_AGE = Metric(
    "obskit_cache_hit_age_seconds",
    "histogram",
    "Age of entries when they were found, since this process last stored them.",
    ("cache_name", "backend"),
    JOB_BUCKETS,
)
CACHE_EVICTIONS = Metric(
    "obskit_cache_evictions_total",
    "counter",
    "Entries that left a cache by themselves: it was full, or their time was over.",
    ("cache_name", "backend", "reason"),
)
CACHE_ENTRIES = Metric(
    "obskit_cache_entries", "gauge", "Entries that a cache in memory holds.", ("cache_name", "backend")
)
