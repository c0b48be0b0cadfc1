"""What the pager says about itself: metrics and log lines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from obskit import catalog
from obskit.logging import get_logger
from obskit.metrics import Metrics
from obskit.pager._changes import Change
from obskit.pager._incident import STATUSES, Incident

__all__ = ["Journal"]


class Journal:
    """Writes down what happens, and counts incidents as they change, so that nobody counts rows."""

    def __init__(self, metrics: Metrics, integrations: Sequence[str]) -> None:
        self._log = get_logger("obskit.pager")
        self._metrics = metrics
        self._counts: Counter[tuple[str, str]] = Counter()
        for name in integrations:
            for outcome in ("ok", "failed"):
                metrics.counter(catalog.NOTIFICATIONS, name, outcome)
            metrics.gauge(catalog.NOTIFICATIONS_WAITING, name).set(0)
        for urgency in ("high", "low"):
            metrics.histogram(catalog.ACKNOWLEDGE_DURATION, urgency)
            metrics.histogram(catalog.RESOLVE_DURATION, urgency)
        self._integrations = tuple(integrations)

    @property
    def open(self) -> int:
        """How many incidents are not resolved."""
        return sum(count for (_, status), count in self._counts.items() if status != "resolved")

    def load(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Take the counts, by urgency and status, that the store found."""
        self._counts = Counter(counts)
        for urgency in ("high", "low"):
            for status in STATUSES:
                self._show(urgency, status)

    def changed(self, change: Change) -> None:
        """Note *change*, and how long it took to get there."""
        if change.kind != "told":  # what was told has a line for each notifier
            self._log.info(f"incident.{change.kind}", **_fields(change.incident))
        self._count(change.before, -1)
        self._count(change.incident, 1)
        incident = change.incident
        if change.kind == "opened":
            self._metrics.counter(catalog.INCIDENTS_OPENED, incident.urgency, incident.service).inc()
        # The second acknowledgement of an incident says nothing about how soon somebody was there.
        first = incident.retriggered == 0
        if change.kind == "acknowledged" and first and incident.acknowledged_at is not None:
            self._took(catalog.ACKNOWLEDGE_DURATION, incident, incident.acknowledged_at)
        if change.kind == "resolved" and incident.resolved_at is not None:
            self._took(catalog.RESOLVE_DURATION, incident, incident.resolved_at)

    def waiting(self, counts: Mapping[str, int]) -> None:
        """Take how many notifications wait, by notifier."""
        for name in self._integrations:
            self._metrics.gauge(catalog.NOTIFICATIONS_WAITING, name).set(counts.get(name, 0))

    def sent(self, incident: Incident, integration: str, url: str) -> None:
        """Note a delivered notification."""
        self._metrics.counter(catalog.NOTIFICATIONS, integration, "ok").inc()
        self._log.info("page.sent", **_fields(incident), integration=integration, url=url)

    def failed(self, incident: Incident, integration: str, reason: str) -> None:
        """Note a notification that was not delivered."""
        self._metrics.counter(catalog.NOTIFICATIONS, integration, "failed").inc()
        self._log.error("page.failed", **_fields(incident), integration=integration, error=reason)

    def refused(self, status: int, errors: Sequence[str]) -> None:
        """Note an event that was not taken."""
        self._log.warning("event.refused", status=status, errors=errors[:20])

    def silent(self, silent_s: float) -> None:
        """Note that the monitoring went silent."""
        self._log.error("watchdog.missed", silent_s=round(silent_s))

    def back(self) -> None:
        """Note that the monitoring came back."""
        self._log.info("watchdog.returned")

    def store_failed(self, error: Exception) -> None:
        """Note that something could not be written."""
        self._log.error("store.failed", error=str(error))

    def _count(self, incident: Incident | None, step: int) -> None:
        if incident is not None:
            self._counts[incident.urgency, incident.status] += step
            self._show(incident.urgency, incident.status)

    def _show(self, urgency: str, status: str) -> None:
        self._metrics.gauge(catalog.INCIDENTS, urgency, status).set(self._counts[urgency, status])

    def _took(self, metric: catalog.Metric, incident: Incident, end: float) -> None:
        # The wall clock may have been set back in between.
        self._metrics.histogram(metric, incident.urgency).observe(max(0.0, end - incident.created_at))


def _fields(incident: Incident) -> dict[str, Any]:
    return {
        "incident": incident.id,
        "status": incident.status,
        "urgency": incident.urgency,
        "severity": incident.severity,
        "affected": incident.service,  # "service" is who writes the line
        "title": incident.title,
    }
