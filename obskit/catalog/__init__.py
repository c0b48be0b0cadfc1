"""Every name that obskit's telemetry uses: metrics, labels, log events, span attributes.

Code imports the constant, boards and rules are checked against this list, the reference
tables in the docs are made from it. HTTP and database names are OpenTelemetry's stable
semantic conventions in Prometheus form (dots to underscores, unit and ``_total`` as
suffix); messaging names are its development ones; what has no convention is ``obskit_*``.
"""

from obskit.catalog._all import METRICS
from obskit.catalog._attributes import SPAN_ATTRIBUTES
from obskit.catalog._events import EVENTS
from obskit.catalog._http import ACTIVE_REQUESTS, CLIENT_DURATION, SERVER_DURATION
from obskit.catalog._labels import LABELS
from obskit.catalog._messaging import (
    CONSUMED,
    END_TO_END,
    FLOW_DURATION,
    PROCESS_DURATION,
    PUBLISH_DURATION,
    REDELIVERED,
    SENT,
)
from obskit.catalog._metric import (
    FLOW_BUCKETS,
    HTTP_METHODS,
    INCIDENT_BUCKETS,
    LATENCY_BUCKETS,
    OTHER,
    OVERFLOW,
    SERVICE_LABEL,
    UNMATCHED,
    Metric,
)
from obskit.catalog._pager import ACKNOWLEDGE_DURATION, INCIDENTS, NOTIFICATIONS, RESOLVE_DURATION
from obskit.catalog._process import BUILD_INFO, DROPPED, INTERNAL_FAILURES, LOG_RECORDS

__all__ = [
    "ACKNOWLEDGE_DURATION",
    "ACTIVE_REQUESTS",
    "BUILD_INFO",
    "CLIENT_DURATION",
    "CONSUMED",
    "DROPPED",
    "END_TO_END",
    "EVENTS",
    "FLOW_BUCKETS",
    "FLOW_DURATION",
    "HTTP_METHODS",
    "INCIDENTS",
    "INCIDENT_BUCKETS",
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
