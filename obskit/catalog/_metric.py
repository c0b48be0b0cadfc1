"""What a metric is, the bucket bounds, and the values that stand for what has no name."""

from typing import Literal, NamedTuple

__all__ = [
    "FLOW_BUCKETS",
    "HTTP_METHODS",
    "INCIDENT_BUCKETS",
    "JOB_BUCKETS",
    "LATENCY_BUCKETS",
    "OTHER",
    "OVERFLOW",
    "SERVICE_LABEL",
    "UNMATCHED",
    "Metric",
]

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""OpenTelemetry's advised HTTP boundaries in seconds; 0.5 is also the default latency objective."""

FLOW_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds that work behind a queue may take: longer than any caller would wait."""

INCIDENT_BUCKETS = (5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0, 86400.0)
"""Seconds that an incident may wait for somebody, or last."""

JOB_BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 10800.0, 43200.0, 86400.0)
"""Seconds that a job may run, or that a cached answer may be old."""

SERVICE_LABEL = "service_name"
"""On every series; added when the page is rendered, never on the hot path."""

UNMATCHED = "unmatched"
"""``http_route`` of a request that no route took."""
OTHER = "_OTHER"
"""OpenTelemetry's value for an HTTP method that is not a known one."""
OVERFLOW = "_OVERFLOW"
"""The value of every label of the series that takes what a full metric has no room for."""

HTTP_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
)


class Metric(NamedTuple):
    """One metric family: its Prometheus name, type, help, labels, and bucket bounds in its unit."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    workers: Literal["", "livemax", "livemin"] = ""
    """How a gauge of several workers becomes one, where their sum, or the latest moment, is wrong."""
