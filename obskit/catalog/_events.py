"""The log events that obskit writes itself."""

__all__ = ["EVENTS"]

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
