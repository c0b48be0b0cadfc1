"""HTTP metrics: OpenTelemetry's stable names where there is one."""

from obskit.catalog._metric import FLOW_BUCKETS, LATENCY_BUCKETS, Metric

__all__ = [
    "ACTIVE_CONNECTIONS",
    "ACTIVE_REQUESTS",
    "BACKGROUND_DURATION",
    "CLIENT_BODY_FAILURES",
    "CLIENT_DURATION",
    "CLIENT_RETRIES",
    "CONNECTION_DURATION",
    "FIRST_BYTE",
    "REQUEST_BODY_SIZE",
    "RESPONSE_BODY_SIZE",
    "SERVER_DURATION",
    "WEBSOCKET_MESSAGES",
]

_BODY_BUCKETS = (128.0, 1024.0, 8192.0, 65536.0, 524288.0, 4194304.0, 33554432.0)
"""Bytes, each eight times the one before: from a small JSON object to an upload."""

_CONNECTION_BUCKETS = (0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 14400.0, 86400.0)
"""Seconds that a websocket stays open: from a refused one to a day."""

SERVER_DURATION = Metric(
    "http_server_request_duration_seconds",
    "histogram",
    "Duration of HTTP server requests, from the first byte in to the last byte out.",
    ("http_request_method", "http_route", "http_response_status_code", "error_type", "outcome"),
    LATENCY_BUCKETS,
)
FIRST_BYTE = Metric(
    "obskit_http_server_time_to_first_byte_seconds",
    "histogram",
    "Time from the first byte in to the first byte of the response's body out.",
    ("http_request_method", "http_route"),
    LATENCY_BUCKETS,
)
REQUEST_BODY_SIZE = Metric(
    "http_server_request_body_size_bytes",
    "histogram",
    "Size of the bodies of HTTP server requests, as far as the application read them; of requests that have one.",
    ("http_request_method", "http_route"),
    _BODY_BUCKETS,
)
RESPONSE_BODY_SIZE = Metric(
    "http_server_response_body_size_bytes",
    "histogram",
    "Size of the bodies of HTTP server responses, as they were sent; of responses that have one.",
    ("http_request_method", "http_route"),
    _BODY_BUCKETS,
)
BACKGROUND_DURATION = Metric(
    "obskit_http_server_background_duration_seconds",
    "histogram",
    "Time that the application worked on after the last byte of a response, such as in background tasks; "
    "where it waited for 5 ms or more, or failed.",
    ("http_route", "error_type"),
    FLOW_BUCKETS,
)
ACTIVE_REQUESTS = Metric(
    "http_server_active_requests",
    "gauge",
    "HTTP server requests that are being answered now.",
    ("http_request_method",),
)
ACTIVE_CONNECTIONS = Metric(
    "obskit_websocket_active_connections",
    "gauge",
    "Websocket connections that are open now.",
)
CONNECTION_DURATION = Metric(
    "obskit_websocket_connection_duration_seconds",
    "histogram",
    "Duration of websocket connections, from the handshake's request to the close.",
    ("http_route", "close_code", "error_type", "outcome"),
    _CONNECTION_BUCKETS,
)
WEBSOCKET_MESSAGES = Metric(
    "obskit_websocket_messages_total",
    "counter",
    "Messages over websockets; in is from the client to the application.",
    ("http_route", "direction"),
)
CLIENT_DURATION = Metric(
    "http_client_request_duration_seconds",
    "histogram",
    "Duration of outbound HTTP requests, as the caller waits for the response's headers.",
    ("http_request_method", "server_address", "url_template", "http_response_status_code", "error_type"),
    LATENCY_BUCKETS,
)
CLIENT_RETRIES = Metric(
    "obskit_http_client_retries_total",
    "counter",
    "Outbound HTTP requests that repeated one that had just failed; redirects are not counted.",
    ("server_address", "url_template"),
)
CLIENT_BODY_FAILURES = Metric(
    "obskit_http_client_body_failures_total",
    "counter",
    "Outbound HTTP responses whose body broke off after the headers had arrived.",
    ("server_address", "url_template", "error_type"),
)
