"""Metrics of authentication; none has a label that names a user or an address."""

from obskit.catalog._metric import LATENCY_BUCKETS, Metric

__all__ = ["AUTH_ATTEMPTS", "AUTH_BRUTE_FORCE", "AUTH_DURATION", "AUTH_LOCKOUTS"]

AUTH_ATTEMPTS = Metric(
    "obskit_auth_attempts_total",
    "counter",
    "Checks of a token or a password, by what was checked, how it ended and why.",
    ("auth_method", "outcome", "reason"),
)
AUTH_DURATION = Metric(
    "obskit_auth_duration_seconds",
    "histogram",
    "Duration of checking a token or a password.",
    ("auth_method", "outcome"),
    LATENCY_BUCKETS,
)
AUTH_LOCKOUTS = Metric(
    "obskit_auth_lockouts_total",
    "counter",
    "Accounts or sources that were locked out after too many failures.",
    ("auth_method",),
)
AUTH_BRUTE_FORCE = Metric(
    "obskit_auth_brute_force_total",
    "counter",
    "Accounts or sources that failed often enough in a short time to look like guessing.",
    ("auth_method",),
)
