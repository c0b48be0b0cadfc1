"""Incidents and their timeline, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from obskit.pager._text import rfc3339

__all__ = [
    "SEVERITIES",
    "STATUSES",
    "Entry",
    "Incident",
    "Link",
    "Severity",
    "Status",
    "Urgency",
    "urgency_of",
]

Status = Literal["triggered", "acknowledged", "resolved"]
Severity = Literal["critical", "error", "warning", "info"]
Urgency = Literal["high", "low"]

STATUSES: tuple[Status, ...] = ("triggered", "acknowledged", "resolved")
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "error", "info")


def urgency_of(severity: str) -> Urgency:
    """Return ``high`` (a page: notifies) for critical and error, ``low`` (a ticket) for the rest."""
    return "high" if severity in {"critical", "error"} else "low"


@dataclass(frozen=True, slots=True)
class Link:
    """A place to look: *href* is always an http or https address."""

    href: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline. Repeats of the last line are counted, not added."""

    at: float
    type: str
    message: str
    count: int = 1
    last_at: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the line as the API shows it."""
        return {
            "at": rfc3339(self.at),
            "type": self.type,
            "message": self.message,
            "count": self.count,
            "last_at": rfc3339(self.at if self.last_at is None else self.last_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One problem, from the event that opened it to the one that closed it. Times are Unix seconds."""

    number: int
    origin: str
    """Digest of the routing key that opened it; the key itself is not kept."""
    dedup_key: str
    status: Status
    urgency: Urgency
    severity: Severity
    title: str
    service: str
    source: str
    created_at: float
    occurred_at: float | None = None
    """When the sender saw the problem begin, where it said so."""
    acknowledged_at: float | None = None
    """When it was acknowledged; None again when it triggered again since."""
    acknowledged_by: str = ""
    resolved_at: float | None = None
    due_at: float | None = None
    """When the next step of the escalation is due; None when there is none."""
    step: int = 0
    """How many steps of the escalation policy have been taken."""
    retriggered: int = 0
    """How often it triggered again after an acknowledgement."""
    links: tuple[Link, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    timeline: tuple[Entry, ...] = ()

    @property
    def id(self) -> str:
        """The incident's name, such as ``INC-000042``; never given twice."""
        return f"INC-{self.number:06d}"

    @property
    def since(self) -> float:
        """When the problem began, as far as known."""
        return self.created_at if self.occurred_at is None else min(self.occurred_at, self.created_at)

    def to_json(self) -> dict[str, Any]:
        """Return the incident as the API shows it."""
        return {
            "id": self.id,
            "status": self.status,
            "urgency": self.urgency,
            "title": self.title,
            "service": self.service,
            "source": self.source,
            "severity": self.severity,
            "dedup_key": self.dedup_key,
            "created_at": rfc3339(self.created_at),
            "occurred_at": rfc3339(self.occurred_at),
            "acknowledged_at": rfc3339(self.acknowledged_at),
            "acknowledged_by": self.acknowledged_by or None,
            "resolved_at": rfc3339(self.resolved_at),
            "links": [{"href": link.href, "text": link.text} for link in self.links],
            "details": dict(self.details),
            "timeline": [entry.to_json() for entry in self.timeline],
        }
