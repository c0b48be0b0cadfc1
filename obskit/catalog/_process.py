"""Metrics of a process and of its own telemetry."""

from obskit.catalog._metric import Metric

__all__ = [
    "BUILD_INFO",
    "DROPPED",
    "INTERNAL_FAILURES",
    "LOG_RECORDS",
]

LOG_RECORDS = Metric("obskit_log_records_total", "counter", "Log lines written, by level.", ("level",))
DROPPED = Metric(
    "obskit_telemetry_dropped_total",
    "counter",
    "Telemetry that was lost, by signal and reason.",
    ("signal", "reason"),
)
INTERNAL_FAILURES = Metric(
    "obskit_internal_failures_total",
    "counter",
    "Failures inside obskit that were kept away from the application.",
    ("area",),
)
BUILD_INFO = Metric(
    "obskit_build_info",
    "gauge",
    "Always 1; its labels name the service's version and source revision.",
    ("version", "revision"),
)
