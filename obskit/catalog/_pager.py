"""Metrics of the pager."""

from obskit.catalog._metric import INCIDENT_BUCKETS, Metric

__all__ = [
    "ACKNOWLEDGE_DURATION",
    "INCIDENTS",
    "INCIDENTS_OPENED",
    "NOTIFICATIONS",
    "NOTIFICATIONS_WAITING",
    "RESOLVE_DURATION",
]

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
INCIDENTS_OPENED = Metric(
    "obskit_pager_incidents_opened_total",
    "counter",
    "Incidents that were opened, by urgency and the service that is affected.",
    ("urgency", "affected"),
)
NOTIFICATIONS_WAITING = Metric(
    "obskit_pager_notifications_waiting",
    "gauge",
    "Notifications that are not delivered yet, by notifier.",
    ("integration",),
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
