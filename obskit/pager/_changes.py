"""What an event, or a person, does to an incident: the states, decided without a database.

::

    (none) --trigger--> triggered --acknowledge--> acknowledged
                            |                           |
                            +---------resolve-----------+--> resolved

A trigger while the incident is open joins it; after it is resolved it opens a new one.
Acknowledge and resolve without an open incident are dropped. Only a triggered incident
of high urgency notifies; an acknowledged one triggers again where the policy says so
(:mod:`obskit.pager._escalation`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from obskit.pager._alerts import firing, moved, short
from obskit.pager._event import Event
from obskit.pager._event_fields import MAX_LINKS
from obskit.pager._incident import Entry, Incident, Link, urgency_of
from obskit.pager._text import one_line

__all__ = ["Change", "acknowledge", "add_note", "decide", "resolve"]

Kind = Literal["opened", "repeated", "acknowledged", "resolved", "told", "escalated", "noted"]

_SHOWN_ALERTS = 20


@dataclass(frozen=True, slots=True)
class Change:
    """An incident before and after, and the lines that the change adds to its timeline."""

    kind: Kind
    before: Incident | None
    incident: Incident
    entries: tuple[Entry, ...] = ()


def decide(
    event: Event, current: Incident | None, now: float, *, timeout_s: float | None = None
) -> Change | None:
    """Return what *event* changes, given the open incident of its key; None when it is dropped.

    *timeout_s* is the time after which an acknowledged incident triggers again.
    """
    if event.action == "trigger":
        return _open(event, now) if current is None else _repeat(event, current, now)
    if current is None:
        return None
    by = one_line(event.client, 200) or "the sender"
    if event.action == "resolve":
        return resolve(current, by, now)
    return acknowledge(current, by, now, timeout_s=timeout_s) if current.status == "triggered" else None


def acknowledge(incident: Incident, by: str, now: float, *, timeout_s: float | None = None) -> Change:
    """Return the change to ``acknowledged``: somebody is on it, nobody else is notified."""
    again_at = now + timeout_s if timeout_s is not None and incident.urgency == "high" else None
    after = replace(incident, status="acknowledged", acknowledged_at=now, acknowledged_by=by, due_at=again_at)
    return Change("acknowledged", incident, after, (Entry(now, "acknowledged", f"Acknowledged by {by}."),))


def resolve(incident: Incident, by: str, now: float) -> Change:
    """Return the change to ``resolved``, which ends the incident."""
    after = replace(incident, status="resolved", resolved_at=now, due_at=None)
    return Change("resolved", incident, after, (Entry(now, "closed", f"Resolved by {by}."),))


def add_note(incident: Incident, text: str, by: str, now: float) -> Change:
    """Return the change that adds what *by* has to say to the timeline."""
    return Change("noted", incident, incident, (Entry(now, "note", f"{by}: {text}"),))


def _open(event: Event, now: float) -> Change:
    urgency = urgency_of(event.severity)
    incident = Incident(
        number=0,
        origin=event.origin,
        dedup_key=event.dedup_key,
        status="triggered",
        urgency=urgency,
        severity=event.severity,
        title=one_line(event.summary, limit=1024),
        service=one_line(event.service, limit=200),
        source=one_line(event.source, limit=200),
        created_at=now,
        occurred_at=event.occurred_at,
        due_at=now if urgency == "high" else None,
        links=event.links,
        details=event.details,
    )
    entries = [Entry(now, "created", f"Reported by {one_line(event.client or event.source, 200)}.")]
    called = short(firing(event.details) or (), event.details)
    fires = [f"{called[name]} fires." for name in sorted(called)]
    entries += _alert_entries("alert_joined", fires, now)
    entries += [Entry(now, kind, message) for kind, message in event.remarks]
    if urgency == "low":
        entries.append(Entry(now, "no_notification_sent", "Low urgency, a ticket: nobody is notified."))
    return Change("opened", None, incident, tuple(entries))


def _repeat(event: Event, current: Incident, now: float) -> Change:
    joined, left = moved(current.details, event.details)
    entries = [*_alert_entries("alert_joined", joined, now), *_alert_entries("alert_left", left, now)]
    if not entries:
        said = one_line(event.summary, limit=1024)
        news = "Reported again." if said == current.title else f"Reported again: {said}"
        entries = [Entry(now, "duplicate_suppressed", news)]
    after = replace(
        current,
        severity=event.severity,
        links=_merged(current.links, event.links),
        details=event.details or current.details,
    )
    if current.urgency == "low" and urgency_of(event.severity) == "high":
        after = replace(after, urgency="high", step=0, due_at=now if current.status == "triggered" else None)
        entries.append(Entry(now, "escalated", f"Now {event.severity}: the urgency is high."))
    return Change("repeated", current, after, tuple(entries))


def _merged(before: tuple[Link, ...], after: tuple[Link, ...]) -> tuple[Link, ...]:
    # Alertmanager leaves a link out when the alerts of a group no longer share its annotation.
    renewed = {link.text for link in after}
    return (*after, *(link for link in before if link.text not in renewed))[:MAX_LINKS]


def _alert_entries(kind: str, messages: Sequence[str], now: float) -> list[Entry]:
    entries = [Entry(now, kind, one_line(message)) for message in messages[:_SHOWN_ALERTS]]
    more = len(messages) - len(entries)
    return [*entries, Entry(now, kind, f"And {more} more: see the details.")] if more else entries
