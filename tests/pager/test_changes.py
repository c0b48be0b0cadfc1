"""The states of an incident, in a store, against a model that fits on a page."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obskit.pager import Link, Policy
from obskit.pager._event import Event
from obskit.pager._operations import Press, press, take
from obskit.pager._store import Store

ORIGIN = "one"


def event(action="trigger", key="k", severity="critical", origin=ORIGIN, **more):
    return Event(
        action=action,
        origin=origin,
        dedup_key=key,
        severity=severity,
        summary="It broke",
        source="db1",
        **more,
    )


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "pager.db")
    yield opened
    opened.close()


def apply(store, *events, now=100.0):
    for at, one in enumerate(events):
        store.together([lambda s, one=one, at=at: take(s, one, now + at, room=True)])
    return store.latest(("triggered", "acknowledged", "resolved"), 100)


def types(incident):
    return [entry.type for entry in incident.timeline]


@dataclass
class Model:
    """What the contract says, with nothing but lists."""

    incidents: list[dict[str, str]] = field(default_factory=list)

    def current(self, origin, key):
        found = [
            i
            for i in self.incidents
            if (i["origin"], i["key"]) == (origin, key) and i["status"] != "resolved"
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def event(self, action, origin, key, severity):
        current = self.current(origin, key)
        urgency = "high" if severity in ("critical", "error") else "low"
        if action == "trigger" and current is None:
            self.incidents.append({"origin": origin, "key": key, "status": "triggered", "urgency": urgency})
        elif action == "trigger" and urgency == "high":
            current["urgency"] = "high"
        elif action == "acknowledge" and current is not None:
            current["status"] = "acknowledged"
        elif action == "resolve" and current is not None:
            current["status"] = "resolved"

    def press(self, place, action):
        if place < len(self.incidents) and self.incidents[place]["status"] != "resolved":
            self.incidents[place]["status"] = "acknowledged" if action == "acknowledge" else "resolved"


EVENTS = st.tuples(
    st.sampled_from(["trigger", "trigger", "acknowledge", "resolve"]),
    st.sampled_from(["one", "two"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["critical", "error", "warning", "info"]),
)
PRESSES = st.tuples(st.integers(0, 5), st.sampled_from(["acknowledge", "resolve"]))


@settings(deadline=None)  # the disk may be slow
@given(st.lists(EVENTS | PRESSES, max_size=30))
def test_any_sequence_of_events_and_people_leaves_what_the_contract_says(sequence):
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "pager.db")
        for now, step in enumerate(sequence):
            if len(step) == 4:
                action, origin, key, severity = step
                model.event(action, origin, key, severity)
                take(store, event(action, key, severity, origin), float(now), room=True)
            else:
                place, action = step
                model.press(place, action)
                press(store, Press(place + 1, action, "ann"), Policy.everyone(["console"]), float(now))
        found = list(reversed(store.latest(("triggered", "acknowledged", "resolved"), 100)))
        store.close()
    assert [(i.origin, i.dedup_key, i.status, i.urgency) for i in found] == [
        (i["origin"], i["key"], i["status"], i["urgency"]) for i in model.incidents
    ]
    for incident in found:
        assert (incident.resolved_at is not None) == (incident.status == "resolved")
        assert (incident.due_at is not None) == (
            incident.urgency == "high" and incident.status == "triggered"
        )
        assert types(incident).count("created") == 1
        assert types(incident).count("closed") == (incident.status == "resolved")


def test_a_trigger_while_open_joins_and_one_after_resolve_opens_anew(store):
    second, first = apply(store, event(), event(), event("resolve"), event())
    assert (first.id, first.status, types(first)) == (
        "INC-000001",
        "resolved",
        ["created", "duplicate_suppressed", "closed"],
    )
    assert (second.id, second.status) == ("INC-000002", "triggered")


def test_the_same_key_from_another_sender_is_another_incident(store):
    assert len(apply(store, event(), event(origin="two"), event("resolve", origin="three"))) == 2


def test_acknowledge_and_resolve_without_an_open_incident_are_dropped(store):
    assert apply(store, event("acknowledge"), event("resolve")) == []


def test_repeats_are_counted_on_one_line(store):
    (incident,) = apply(store, *[event()] * 50)
    assert [(entry.type, entry.count) for entry in incident.timeline] == [
        ("created", 1),
        ("duplicate_suppressed", 49),
    ]
    assert incident.timeline[1].last_at == 149.0


def test_a_repeat_that_says_something_else_is_shown(store):
    (incident,) = apply(store, event(), Event(**{**as_dict(event()), "summary": "It broke more"}))
    assert incident.title == "It broke"
    assert incident.timeline[-1].message == "Reported again: It broke more"


def as_dict(one):
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def test_a_ticket_that_becomes_critical_pages(store):
    (incident,) = apply(store, event(severity="warning"), event(severity="critical"))
    assert (incident.urgency, incident.due_at) == ("high", 101.0)
    assert types(incident) == ["created", "no_notification_sent", "duplicate_suppressed", "escalated"]


def test_a_page_that_becomes_a_warning_stays_a_page(store):
    (incident,) = apply(store, event(), event(severity="warning"))
    assert (incident.urgency, incident.severity) == ("high", "warning")


def test_alerts_that_join_and_leave_are_on_the_timeline(store):
    one, two = 'A{service_name="x", window="1h"}', 'A{service_name="x", window="6h"}'
    (incident,) = apply(
        store,
        event(details={"firing_alerts": one}),
        event(details={"firing_alerts": f"{one}\n{two}"}),
        event(details={"firing_alerts": two}),
        event(details={"firing_alerts": two}),
    )
    assert [(entry.type, entry.message) for entry in incident.timeline] == [
        ("created", "Reported by db1."),
        ("alert_joined", 'A{window="1h"} fires.'),
        ("alert_joined", 'A{window="6h"} fires too.'),
        ("alert_left", 'A{window="1h"} no longer fires.'),
        ("duplicate_suppressed", "Reported again."),
    ]
    assert incident.details == {"firing_alerts": two}


def test_a_storm_of_alerts_in_one_event_is_summed_up(store):
    names = "\n".join(f"A{number:03}" for number in range(100))
    (incident,) = apply(store, event(details={"firing_alerts": names}))
    joined = [entry.message for entry in incident.timeline if entry.type == "alert_joined"]
    assert len(joined) == 21
    assert joined[-1] == "And 80 more: see the details."


def test_links_that_a_later_event_leaves_out_stay(store):
    runbook, board, newer = Link("http://r", "Runbook"), Link("http://b", "Board"), Link("http://n", "Board")
    (incident,) = apply(store, event(links=(runbook, board)), event(links=(newer,)))
    assert incident.links == (newer, runbook)


def test_the_sender_is_named_where_it_gives_its_name(store):
    (incident,) = apply(store, event(client="Alertmanager"), event("resolve", client="Alertmanager"))
    assert [entry.message for entry in incident.timeline] == [
        "Reported by Alertmanager.",
        "Resolved by Alertmanager.",
    ]
