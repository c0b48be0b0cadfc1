"""What the pager does to its store, one transaction each. None of it raises: a batch shares its fate."""

from collections.abc import Iterable
from typing import Literal

from obskit.pager._changes import Change, acknowledge, decide, notified, resolve
from obskit.pager._event import Event
from obskit.pager._incident import Entry, Incident
from obskit.pager._store import Store

__all__ = ["finish_round", "press", "take"]


def take(store: Store, event: Event, now: float, *, room: bool) -> Change | Literal["dropped", "full"]:
    """Apply *event*; without *room*, an event that would open an incident is refused as ``full``."""
    change = decide(event, store.current(event.origin, event.dedup_key), now)
    if change is None:
        return "dropped"
    return store.apply(change) if room or change.before is not None else "full"


def press(
    store: Store, number: int, action: Literal["acknowledge", "resolve"], by: str, now: float
) -> tuple[Incident | None, Change | None]:
    """Do what a person asks for; return the incident as it then is, and what that changed."""
    incident = store.find(number)
    if incident is None or incident.status == "resolved":
        return incident, None
    if action == "acknowledge" and incident.status == "acknowledged":
        return incident, None
    change = store.apply((acknowledge if action == "acknowledge" else resolve)(incident, by, now))
    return store.find(number), change


def finish_round(store: Store, number: int, entries: Iterable[Entry], due_at: float | None) -> None:
    """Note a round of notifications; an incident that somebody took meanwhile stays quiet."""
    incident = store.find(number)
    if incident is not None:
        waits = incident.status == "triggered"
        store.apply(notified(incident, entries, due_at=due_at if waits else None))
