"""Every name that obskit's telemetry uses: metrics, labels, log events, span attributes.

Code imports the constant, boards and rules are checked against this list, the reference
tables in the docs are made from it. HTTP and database names are OpenTelemetry's stable
semantic conventions in Prometheus form (dots to underscores, unit and ``_total`` as
suffix); messaging names are its development ones; what has no convention is ``obskit_*``.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ACKNOWLEDGE_DURATION",
    "ACTIVE_REQUESTS",
    "BUILD_INFO",
    "CLIENT_DURATION",
    "CONSUMED",
    "DROPPED",
    "END_TO_END",
    "EVENTS",
    "FLOW_DURATION",
    "HTTP_METHODS",
    "INCIDENTS",
    "INTERNAL_FAILURES",
    "LABELS",
    "LATENCY_BUCKETS",
    "LOG_RECORDS",
    "METRICS",
    "NOTIFICATIONS",
    "OTHER",
    "OVERFLOW",
    "PROCESS_DURATION",
    "PUBLISH_DURATION",
    "REDELIVERED",
    "RESOLVE_DURATION",
    "SENT",
    "SERVER_DURATION",
    "SERVICE_LABEL",
    "SPAN_ATTRIBUTES",
    "UNMATCHED",
    "Metric",
]

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""OpenTelemetry's advised HTTP boundaries in seconds; 0.5 is also the default latency objective."""

FLOW_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds that work behind a queue may take: longer than any caller would wait."""

INCIDENT_BUCKETS = (5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0, 86400.0)
"""Seconds that an incident may wait for somebody, or last."""

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

LABELS = {
    "error_type": "exception class names in the code, status codes 500 to 599, or empty",
    "http_request_method": "the known HTTP methods and _OTHER",
    "http_response_status_code": "100 to 599, or empty when no response was started",
    "http_route": "the application's route templates and 'unmatched'",
    "integration": "the notifiers of the pager",
    "level": "debug, info, warning, error, critical",
    "messaging_destination_name": "the subjects or topics named in the code",
    "area": "the topics of obskit",
    "outcome": "ok, client_error, server_error, aborted; of notifications ok, failed",
    "reason": "the reasons named where the loss is counted",
    "revision": "one a process",
    "server_address": "the hosts that the code calls",
    "service_name": "the services of the fleet",
    "signal": "logs, traces, metrics",
    "status": "triggered, acknowledged, resolved",
    "urgency": "high, low",
    "url_template": "the templates that callers name, or empty",
    "version": "one a process",
}
"""Every label and the bound of its values; a label without a bound may not be used."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family: its Prometheus name, type, help, labels, and bucket bounds in its unit."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


SERVER_DURATION = Metric(
    "http_server_request_duration_seconds",
    "histogram",
    "Duration of HTTP server requests, from the first byte in to the last byte out.",
    ("http_request_method", "http_route", "http_response_status_code", "error_type", "outcome"),
    LATENCY_BUCKETS,
)
ACTIVE_REQUESTS = Metric(
    "http_server_active_requests",
    "gauge",
    "HTTP server requests that are being answered now.",
    ("http_request_method",),
)
CLIENT_DURATION = Metric(
    "http_client_request_duration_seconds",
    "histogram",
    "Duration of outbound HTTP requests, as the caller waits for the response's headers.",
    ("http_request_method", "server_address", "url_template", "http_response_status_code", "error_type"),
    LATENCY_BUCKETS,
)
SENT = Metric(
    "messaging_client_sent_messages_total",
    "counter",
    "Messages that this process tried to publish; error_type is empty when the broker took them.",
    ("messaging_destination_name", "error_type"),
)
PUBLISH_DURATION = Metric(
    "messaging_client_operation_duration_seconds",
    "histogram",
    "Duration of publishing one message, up to the broker's acknowledgement where there is one.",
    ("messaging_destination_name", "error_type"),
    LATENCY_BUCKETS,
)
CONSUMED = Metric(
    "messaging_client_consumed_messages_total",
    "counter",
    "Messages handed to a handler; a redelivered message counts again.",
    ("messaging_destination_name", "error_type"),
)
PROCESS_DURATION = Metric(
    "messaging_process_duration_seconds",
    "histogram",
    "Duration of handling one message.",
    ("messaging_destination_name", "error_type"),
    LATENCY_BUCKETS,
)
END_TO_END = Metric(
    "obskit_messaging_end_to_end_duration_seconds",
    "histogram",
    "Time from a message's publishing to the end of its successful handling.",
    ("messaging_destination_name",),
    FLOW_BUCKETS,
)
FLOW_DURATION = Metric(
    "obskit_messaging_flow_duration_seconds",
    "histogram",
    "Time from the start of the request that began a chain of messages to the successful end of this one.",
    ("messaging_destination_name",),
    FLOW_BUCKETS,
)
REDELIVERED = Metric(
    "obskit_messaging_redelivered_messages_total",
    "counter",
    "Messages that were delivered again because an earlier handling failed or timed out.",
    ("messaging_destination_name",),
)
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
INCIDENTS = Metric(
    "obskit_pager_incidents",
    "gauge",
    "Incidents that the pager keeps, by urgency and status.",
    ("urgency", "status"),
)
NOTIFICATIONS = Metric(
    "obskit_pager_notifications_total",
    "counter",
    "Notifications that the pager sent, by notifier and outcome.",
    ("integration", "outcome"),
)
ACKNOWLEDGE_DURATION = Metric(
    "obskit_pager_acknowledge_seconds",
    "histogram",
    "Time from an incident's opening to its acknowledgement; its mean is the MTTA.",
    ("urgency",),
    INCIDENT_BUCKETS,
)
RESOLVE_DURATION = Metric(
    "obskit_pager_resolve_seconds",
    "histogram",
    "Time from an incident's opening to its end; its mean is the MTTR.",
    ("urgency",),
    INCIDENT_BUCKETS,
)

METRICS = {
    metric.name: metric
    for metric in (
        SERVER_DURATION,
        ACTIVE_REQUESTS,
        CLIENT_DURATION,
        SENT,
        PUBLISH_DURATION,
        CONSUMED,
        PROCESS_DURATION,
        END_TO_END,
        FLOW_DURATION,
        REDELIVERED,
        LOG_RECORDS,
        DROPPED,
        INTERNAL_FAILURES,
        BUILD_INFO,
        INCIDENTS,
        NOTIFICATIONS,
        ACKNOWLEDGE_DURATION,
        RESOLVE_DURATION,
    )
}

EVENTS = {
    "http.request": "one a request: method, route, path, status, duration_ms, outcome",
    "http.background_failed": "what failed after the answer was sent, such as a background task: method, route",
    "obskit.started": "the service's telemetry is on: version, environment, exporter",
    "obskit.export_failed": "the trace collector cannot be reached; once, until it can be again",
    "obskit.export_recovered": "the trace collector answers again",
    "message.failed": "a message handler raised: destination, delivery, error",
    "incident.opened": "the pager opened an incident: incident, urgency, severity, service, title",
    "incident.repeated": "an event joined an open incident",
    "incident.acknowledged": "somebody, or an event, acknowledged an incident",
    "incident.resolved": "somebody, or an event, resolved an incident",
    "page.sent": "a notifier delivered a page: incident, integration",
    "page.failed": "a notifier did not deliver a page: incident, integration, error",
    "event.refused": "the pager refused an event: status, errors",
    "watchdog.missed": "no heartbeat of the monitoring came in time: silent_s",
    "watchdog.returned": "heartbeats came back after a silence",
    "store.failed": "the pager could not write an incident: error",
    "health.check_failed": "a readiness check failed; once, until it passes again",
    "health.check_recovered": "a readiness check passes again",
}
"""The log events that obskit writes itself, ``area.past_tense``, with their fields."""

SPAN_ATTRIBUTES = {
    "error.type": "exception class, or status code of a failed response",
    "http.request.method": "a known HTTP method or _OTHER",
    "http.request.method_original": "the method as sent, where it is not a known one",
    "http.response.status_code": "the status sent or received",
    "http.route": "route template",
    "messaging.destination.name": "subject or topic",
    "messaging.message.id": "the broker's message id, where it has one",
    "messaging.operation.name": "publish or process",
    "messaging.operation.type": "send or process",
    "messaging.system": "nats, kafka, rabbitmq ...",
    "network.protocol.version": "1.0, 1.1, 2 ...",
    "obskit.fault": "id of a fault that was injected on purpose (sample services)",
    "request.id": "X-Request-ID of the request that the span belongs to",
    "server.address": "host that served or was called",
    "server.port": "port that served or was called",
    "url.full": "the called URL without credentials and query",
    "url.path": "the path as sent, without the query",
    "url.scheme": "http or https",
    "url.template": "the template that the caller named",
    "user_agent.original": "User-Agent as sent",
}
"""The span attributes that obskit sets itself."""
