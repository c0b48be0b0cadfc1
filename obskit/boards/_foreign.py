"""Metrics that others expose: Prometheus itself, prometheus_client, the servers of the stack, node exporters.

The catalogue has what obskit makes; a board may name these too. Their labels are those
that queries may use, not all that the series have.
"""

from obskit.catalog import Metric

__all__ = [
    "ALERTS",
    "BUDGET_LEFT",
    "CPU",
    "FILE_LIMIT",
    "FOREIGN",
    "GC_RUNS",
    "MEMORY",
    "OBJECTIVE",
    "OPEN_FILES",
    "STARTED",
    "UP",
    "AlertmanagerMetrics",
    "NodeMetrics",
    "PrometheusMetrics",
    "TraceMetrics",
    "TraefikMetrics",
]

UP = Metric("up", "gauge", "1 while Prometheus can scrape the target.")
CPU = Metric("process_cpu_seconds_total", "counter", "Processor time that the process used.")
MEMORY = Metric("process_resident_memory_bytes", "gauge", "Memory that the process holds.")
OPEN_FILES = Metric("process_open_fds", "gauge", "Files and sockets that the process has open.")
FILE_LIMIT = Metric("process_max_fds", "gauge", "Files and sockets that the process may have open.")
STARTED = Metric("process_start_time_seconds", "gauge", "When the process started, in Unix seconds.")
GC_RUNS = Metric("python_gc_collections_total", "counter", "Garbage collections.", ("generation",))
ALERTS = Metric(
    "ALERTS",
    "gauge",
    "1 while an alert is active.",
    ("alertname", "alertstate", "severity", "slo", "long_window", "short_window"),
)

BUDGET_LEFT = Metric(
    "slo:error_budget_remaining:ratio", "gauge", "Share of an error budget that is left.", ("slo",)
)
OBJECTIVE = Metric(
    "slo:objective:ratio", "gauge", "The promise: share of events that have to be good.", ("slo",)
)


class PrometheusMetrics:
    """What Prometheus says about itself and its targets."""

    SCRAPE_DURATION = Metric("scrape_duration_seconds", "gauge", "Duration of a target's last scrape.")
    SCRAPE_SAMPLES = Metric(
        "scrape_samples_post_metric_relabeling", "gauge", "Samples that a target's last scrape kept."
    )
    SERIES = Metric("prometheus_tsdb_head_series", "gauge", "Series in memory.")
    SAMPLES = Metric("prometheus_tsdb_head_samples_appended_total", "counter", "Samples stored.")
    RULE_FAILURES = Metric(
        "prometheus_rule_evaluation_failures_total", "counter", "Rules that failed.", ("rule_group",)
    )
    RULE_MISSED = Metric(
        "prometheus_rule_group_iterations_missed_total", "counter", "Evaluations left out.", ("rule_group",)
    )
    RULE_DURATION = Metric(
        "prometheus_rule_group_last_duration_seconds",
        "gauge",
        "Time of the last evaluation.",
        ("rule_group",),
    )
    RELOADED = Metric(
        "prometheus_config_last_reload_successful", "gauge", "1 when the configuration was accepted."
    )
    SENT = Metric("prometheus_notifications_sent_total", "counter", "Alerts sent.", ("alertmanager",))
    SEND_ERRORS = Metric(
        "prometheus_notifications_errors_total", "counter", "Alerts not taken.", ("alertmanager",)
    )


class AlertmanagerMetrics:
    """What Alertmanager says about itself."""

    SENT = Metric("alertmanager_notifications_total", "counter", "Notifications tried.", ("integration",))
    FAILED = Metric(
        "alertmanager_notifications_failed_total", "counter", "Notifications not sent.", ("integration",)
    )
    RELOADED = Metric(
        "alertmanager_config_last_reload_successful", "gauge", "1 when the configuration was accepted."
    )


class TraefikMetrics:
    """What Traefik says about the requests that it lets through."""

    DURATION = Metric(
        "traefik_service_request_duration_seconds",
        "histogram",
        "Duration of requests to a service behind Traefik.",
        ("code", "method", "protocol", "service"),
    )
    ENTRY_DURATION = Metric(
        "traefik_entrypoint_request_duration_seconds",
        "histogram",
        "Duration of requests as Traefik's callers wait.",
        ("code", "method", "protocol", "entrypoint"),
    )
    OPEN = Metric("traefik_open_connections", "gauge", "Open connections.", ("entrypoint", "protocol"))
    SERVER_UP = Metric(
        "traefik_service_server_up", "gauge", "1 while a server is healthy.", ("service", "url")
    )
    CERTIFICATE_END = Metric(
        "traefik_tls_certs_not_after",
        "gauge",
        "When a certificate ends, in Unix seconds.",
        ("cn", "sans", "serial"),
    )


class TraceMetrics:
    """What Tempo's generator, or the embedded trace store, counts in traces."""

    CALLS = Metric(
        "traces_service_graph_request_total",
        "counter",
        "Calls from one service to another.",
        ("client", "server", "connection_type"),
    )
    FAILED = Metric(
        "traces_service_graph_request_failed_total",
        "counter",
        "Failed calls from one service to another.",
        ("client", "server", "connection_type"),
    )
    DURATION = Metric(
        "traces_service_graph_request_server_seconds",
        "histogram",
        "Duration of calls, as the called service sees them.",
        ("client", "server", "connection_type"),
    )


class NodeMetrics:
    """What node exporter and cAdvisor say; both run beside containers and Kubernetes nodes only."""

    LOAD = Metric("node_load1", "gauge", "Processes that run or wait for a processor.")
    MEMORY_FREE = Metric("node_memory_MemAvailable_bytes", "gauge", "Memory that could be used.")
    MEMORY = Metric("node_memory_MemTotal_bytes", "gauge", "Memory of the host.")
    DISK_FREE = Metric(
        "node_filesystem_avail_bytes", "gauge", "Free space of a file system.", ("mountpoint", "fstype")
    )
    DISK = Metric("node_filesystem_size_bytes", "gauge", "Size of a file system.", ("mountpoint", "fstype"))
    CONTAINER_CPU = Metric(
        "container_cpu_usage_seconds_total", "counter", "Processor time of a container.", ("name",)
    )
    CONTAINER_MEMORY = Metric(
        "container_memory_working_set_bytes", "gauge", "Memory that a container holds.", ("name",)
    )


_GROUPS = (PrometheusMetrics, AlertmanagerMetrics, TraefikMetrics, TraceMetrics, NodeMetrics)

FOREIGN = {
    metric.name: metric
    for metric in (
        *(UP, CPU, MEMORY, OPEN_FILES, FILE_LIMIT, STARTED, GC_RUNS, ALERTS),
        *(value for group in _GROUPS for value in vars(group).values() if isinstance(value, Metric)),
    )
}
"""Each of them by its name."""
