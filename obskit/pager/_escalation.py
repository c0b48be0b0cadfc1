"""Decides who is told of an incident now, and when the next ones are; without a database or a clock."""

from dataclasses import dataclass, replace

from obskit.pager._changes import Change
from obskit.pager._incident import Entry, Incident
from obskit.pager._policy import Policy
from obskit.pager._text import ago

__all__ = ["Step", "advance", "escalate"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an escalation: what it changes, the notifiers to tell, and what to tell them beside."""

    change: Change
    notify: tuple[str, ...] = ()
    reason: str = ""


def advance(incident: Incident, policy: Policy, now: float) -> Step:
    """Return the step of an incident whose time has come."""
    if incident.status == "acknowledged":
        waited = ago(policy.acknowledge_timeout_s or 0)
        entry = Entry(now, "unacknowledged", f"Acknowledged {waited} ago and not resolved: triggered again.")
        # From the first level on: who acknowledged it may have fallen asleep again.
        after = replace(_triggered_again(incident), step=0)
        return _tell(Change("escalated", incident, after, (entry,)), policy, now, entry.message)
    if incident.step == 0:
        return _tell(Change("told", incident, incident), policy, now, "")
    before = policy.levels[(incident.step - 1) % len(policy.levels)]
    missed = f"Nobody acknowledged it within {ago(before.escalate_after_s)}"
    if incident.step >= policy.steps:
        said = f"{missed}, and the escalation is at its end: nobody else is told."
        entry = Entry(now, "no_notification_sent", said)
        return Step(Change("escalated", incident, replace(incident, due_at=None), (entry,)))
    where = _where(incident.step, policy)
    entry = Entry(now, "escalated", f"{missed}: {where}.")
    return _tell(Change("escalated", incident, incident, (entry,)), policy, now, f"{missed}.")


def escalate(incident: Incident, policy: Policy, by: str, now: float) -> Step:
    """Return the step that *by* asks for: the next level at once, the first one after the last."""
    after = _triggered_again(incident) if incident.status == "acknowledged" else incident
    if after.step >= policy.steps:
        after = replace(after, step=0)
    said = f"Escalated by {by}"
    entry = Entry(now, "escalation_request", f"{said}: {_where(after.step, policy)}.")
    return _tell(Change("escalated", incident, after, (entry,)), policy, now, f"{said}.")


def _triggered_again(incident: Incident) -> Incident:
    return replace(
        incident,
        status="triggered",
        acknowledged_at=None,
        acknowledged_by="",
        retriggered=incident.retriggered + 1,
    )


def _tell(change: Change, policy: Policy, now: float, reason: str) -> Step:
    after = change.incident
    level = policy.levels[after.step % len(policy.levels)]
    if not level.notify:
        entry = Entry(now, "no_notification_sent", "No notifier is set up.")
        quiet = replace(after, due_at=None)
        return Step(replace(change, incident=quiet, entries=(*change.entries, entry)))
    told = replace(after, step=after.step + 1, due_at=now + level.escalate_after_s)
    return Step(replace(change, incident=told), level.notify, reason)


def _where(step: int, policy: Policy) -> str:
    levels = len(policy.levels)
    names = ", ".join(policy.levels[step % levels].notify) or "nobody"
    place = f"level {step % levels + 1} of {levels}" if levels > 1 else "told again"
    again = f", round {step // levels + 1} of {policy.repeat + 1}" if step >= levels else ""
    return f"{place}{again}, {names}"
