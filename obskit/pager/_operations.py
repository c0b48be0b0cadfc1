"""What the pager does to its store, one transaction each. None of it raises: a batch shares its fate."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from obskit.pager._change_log import ChangeEvent
from obskit.pager._changes import Change, acknowledge, add_note, decide, resolve
from obskit.pager._escalation import Step, advance, escalate
from obskit.pager._event import Event
from obskit.pager._incident import Entry, Incident
from obskit.pager._outbox import Delivery
from obskit.pager._policy import Policy
from obskit.pager._store import Store

__all__ = ["Action", "Press", "adopt", "changes_near", "claim", "press", "run_due", "take", "tried"]

Action = Literal["acknowledge", "resolve", "note", "escalate"]

_POLICY = "policy"
_BATCH = 100
_CHANGES_BEFORE_S = 7_200.0
_AT_ONCE = 8
_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Press:
    """What a person asks for: the incident, what to do with it, who asks, and the text of a note."""

    number: int
    action: Action
    by: str
    text: str = ""


def take(
    store: Store, event: Event, now: float, *, room: bool, timeout_s: float | None = None
) -> Change | Literal["dropped", "full"]:
    """Apply *event*; without *room*, an event that would open an incident is refused as ``full``."""
    change = decide(event, store.current(event.origin, event.dedup_key), now, timeout_s=timeout_s)
    if change is None:
        return "dropped"
    return store.apply(change) if room or change.before is not None else "full"


def press(store: Store, wish: Press, policy: Policy, now: float) -> tuple[Incident | None, Change | None]:
    """Do what a person asks for; return the incident as it then is, and what that changed."""
    incident = store.find(wish.number)
    if incident is None:
        return None, None
    change = _pressed(store, incident, wish, policy, now)
    return (incident, None) if change is None else (store.find(wish.number), change)


def _pressed(store: Store, incident: Incident, wish: Press, policy: Policy, now: float) -> Change | None:
    if wish.action == "note":
        return store.apply(add_note(incident, wish.text, wish.by, now))
    if incident.status == "resolved":
        return None
    if wish.action == "resolve":
        return store.apply(resolve(incident, wish.by, now))
    if wish.action == "escalate":
        high = incident.urgency == "high"
        return _take_step(store, escalate(incident, policy, wish.by, now), now) if high else None
    if incident.status == "acknowledged":
        return None
    return store.apply(acknowledge(incident, wish.by, now, timeout_s=policy.acknowledge_timeout_s))


def run_due(store: Store, policy: Policy, now: float) -> list[Change]:
    """Take the steps of the escalations whose time has come, oldest first; return what they changed.

    The notifications wait in the store from here on, so that a process that dies before it
    told anybody leaves them to the next.
    """
    return [_take_step(store, advance(one, policy, now), now) for one in store.due(now, _BATCH)]


def _take_step(store: Store, step: Step, now: float) -> Change:
    change = store.apply(step.change)
    incident = change.incident
    for name in step.notify:
        store.outbox.put(Delivery(incident.number, name, incident.step, step.reason), now)
    return change


def claim(
    store: Store, notifier: str, now: float, *, pauses_s: tuple[float, float]
) -> list[tuple[Delivery, Incident]]:
    """Return the next notifications that *notifier* is to deliver, and make them due again later.

    The pause is the first of *pauses_s*, doubled with each try up to the second. Whoever
    dies before the notification is delivered leaves it to be delivered again.
    """
    first_s, longest_s = pauses_s
    claimed = []
    for delivery in store.outbox.due(notifier, now, _AT_ONCE):
        pause_s = min(first_s * 2.0 ** min(delivery.attempts, _DOUBLINGS), longest_s)
        store.outbox.postpone(delivery, now + pause_s)
        incident = store.peek(delivery.incident)
        if incident is not None:
            claimed.append((delivery, incident))
    return claimed


def tried(store: Store, delivery: Delivery, entry: Entry) -> None:
    """Note how *delivery* went; one that was sent waits no more."""
    if entry.type == "notification_sent":
        store.outbox.delivered(delivery)
    store.append(delivery.incident, entry)


def changes_near(store: Store, incident: Incident, now: float) -> list[ChangeEvent]:
    """Return the changes from two hours before *incident* began until it ended, newest first."""
    end = now if incident.resolved_at is None else incident.resolved_at
    return store.changes.between(incident.since - _CHANGES_BEFORE_S, end)


def adopt(store: Store, policy: Policy, notifiers: Iterable[str], now: float) -> None:
    """Make *policy* the one that open incidents follow, and say so on their timelines if it is another.

    What waited for a notifier that is gone is told by the same level of the new policy.
    What waits is due at once: the process that claimed it is gone.
    """
    store.outbox.hurry(now)
    before = store.noted(_POLICY)
    store.note(_POLICY, policy.number)
    for number in store.outbox.drop_unknown(notifiers):
        store.tell_again(number, now)
    if before is None or before == policy.number:
        return
    entry = Entry(now, "policy_updated", "The escalation policy was changed.")
    for incident in store.open_pages():
        store.append(incident.number, entry)
    store.time_acknowledged(policy.acknowledge_timeout_s)
