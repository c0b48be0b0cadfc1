"""HTTP metrics: OpenTelemetry's stable names."""

from obskit.catalog._metric import LATENCY_BUCKETS, Metric

__all__ = [
    "ACTIVE_REQUESTS",
    "CLIENT_DURATION",
    "SERVER_DURATION",
]

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
