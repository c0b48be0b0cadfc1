"""Metrics of a process and of its own telemetry."""

from obskit.catalog._metric import Metric

__all__ = [
    "BUILD_INFO",
    "DROPPED",
    "GC_PAUSE",
    "INTERNAL_FAILURES",
    "LOG_LEFT_OUT",
    "LOG_RECORDS",
    "LOOP_LAG",
    "LOOP_TASKS",
    "POOL_BUSY",
    "POOL_SIZE",
    "POOL_WAITING",
    "PROCESSES",
]

PAUSE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds that everything in a process stands still."""

LOG_RECORDS = Metric("obskit_log_records_total", "counter", "Log lines written, by level.", ("level",))
LOG_LEFT_OUT = Metric(
    "obskit_log_left_out_total",
    "counter",
    "Log lines left out on purpose: by the rate of their event, or with the traces that are not sampled.",
    ("reason",),
)
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
PROCESSES = Metric(
    "obskit_processes",
    "gauge",
    "Processes of the service that are alive: its workers, and with preload their parent.",
)
GC_PAUSE = Metric(
    "obskit_gc_pause_seconds",
    "histogram",
    "Time that a full garbage collection held the interpreter.",
    buckets=PAUSE_BUCKETS,
)
LOOP_LAG = Metric(
    "obskit_event_loop_lag_seconds",
    "histogram",
    "How late the event loop ran a timer, measured four times a second: what blocks it shows here.",
    buckets=PAUSE_BUCKETS,
)
LOOP_TASKS = Metric("obskit_event_loop_tasks", "gauge", "Tasks of the event loop that have not ended.")
POOL_BUSY = Metric("obskit_thread_pool_busy", "gauge", "Threads that run sync routes and dependencies now.")
POOL_SIZE = Metric(
    "obskit_thread_pool_size", "gauge", "Threads that may run sync routes and dependencies at once."
)
POOL_WAITING = Metric(
    "obskit_thread_pool_waiting", "gauge", "Sync routes and dependencies that wait for a thread."
)
