"""Every label of our metrics, and the bound of its values."""

__all__ = ["LABELS"]

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
