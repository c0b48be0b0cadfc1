"""The pager over time: who is told, when again, and what happens when the monitoring goes silent."""

import pytest

from obskit.pager import Retention, Store
from obskit.pager._event import Event
from obskit.pager._operations import take

WATCHDOG = {"alerts": [{"status": "firing", "labels": {"alertname": "Watchdog"}}]}


@pytest.fixture
def types():
    return lambda incident: [entry["type"] for entry in incident["timeline"]]


def test_a_page_notifies_once(serve, inbox, types):
    served = serve()
    served.send()
    served.tick()
    served.send()
    served.tick()
    assert [page.url for page in inbox.pages] == ["http://127.0.0.1:8601/incidents/INC-000001"]
    assert types(served.incidents()[0]).count("notification_sent") == 1


def test_a_ticket_notifies_nobody(serve, inbox, types):
    served = serve()
    served.send(severity="warning")
    served.send(key="other", severity="info")
    served.tick()
    assert inbox.pages == []
    assert [types(incident) for incident in served.incidents()] == [["created", "no_notification_sent"]] * 2


def test_each_new_incident_of_a_key_notifies(serve, inbox):
    served = serve()
    for action in ("trigger", "resolve", "trigger"):
        served.send(action)
        served.tick()
    assert [page.incident.id for page in inbox.pages] == ["INC-000001", "INC-000002"]


def test_a_page_that_could_not_be_delivered_is_tried_again(serve, inbox, clock, types):
    inbox.broken = True
    served = serve(retry_s=30)
    served.send()
    served.tick()
    inbox.broken = False
    clock.pass_s(29)
    served.tick()
    assert inbox.pages == []
    clock.pass_s(1)
    served.tick()
    assert [page.incident.id for page in inbox.pages] == ["INC-000001"]
    assert types(served.incidents()[0]) == ["created", "notification_failed", "notification_sent"]
    assert served.incidents()[0]["timeline"][1]["message"] == "Not notified by inbox: the line is dead"


def test_an_acknowledged_incident_notifies_no_more(serve, inbox, clock):
    inbox.broken = True
    served = serve()
    served.send()
    served.tick()
    served.send("acknowledge")
    inbox.broken = False
    clock.pass_s(3_600)
    served.send()
    served.tick()
    assert inbox.pages == []


def test_a_page_that_a_killed_process_left_is_sent_by_the_next(tmp_path, serve, inbox, clock):
    event = Event(
        action="trigger", origin="o", dedup_key="k", summary="It broke", source="s", severity="error"
    )
    store = Store(tmp_path / "pager.db")
    store.together([lambda s: take(s, event, clock.time(), room=True)])
    store.close()
    serve().tick()
    assert [page.incident.title for page in inbox.pages] == ["It broke"]


def test_the_numbers_follow_the_incidents(serve, clock, auth):
    served = serve()

    def value(name, **labels):
        return served.metrics.registry.get_sample_value(name, labels)

    def incidents(status):
        return value("obskit_pager_incidents", urgency="high", status=status)

    assert incidents("triggered") == 0
    served.send()
    served.tick()
    assert incidents("triggered") == 1
    clock.pass_s(20)
    served.send("acknowledge")
    assert (incidents("triggered"), incidents("acknowledged")) == (0, 1)
    clock.pass_s(30)
    served.send("resolve")
    assert (incidents("acknowledged"), incidents("resolved")) == (0, 1)
    assert value("obskit_pager_acknowledge_seconds_sum", urgency="high") == 20
    assert value("obskit_pager_resolve_seconds_sum", urgency="high") == 50
    assert value("obskit_pager_notifications_total", integration="inbox", outcome="ok") == 1
    assert value("obskit_pager_notifications_total", integration="inbox", outcome="failed") == 0


def test_the_numbers_are_right_after_a_restart(serve_while):
    with serve_while() as first:
        first.send()
    with serve_while() as second:
        labels = {"urgency": "high", "status": "triggered"}
        assert second.metrics.registry.get_sample_value("obskit_pager_incidents", labels) == 1


def test_silence_of_the_watchdog_pages_and_its_return_resolves(serve, inbox, clock):
    served = serve(deadman_s=300)
    served.client.post("/v1/heartbeat", json=WATCHDOG)
    clock.pass_s(299)
    served.tick()
    assert served.incidents() == []
    clock.pass_s(1)
    served.tick()
    (incident,) = served.incidents()
    assert incident["title"] == "Monitoring is down: no Watchdog for 300 s"
    assert (incident["urgency"], incident["service"]) == ("high", "monitoring")
    assert {"href": "http://127.0.0.1:8601/runbooks/Watchdog", "text": "Runbook"} in incident["links"]
    assert "watchdog_missed" in [entry["type"] for entry in incident["timeline"]]
    assert len(inbox.pages) == 1
    served.client.post("/v1/heartbeat", json=WATCHDOG)
    (incident,) = served.incidents()
    assert incident["status"] == "resolved"
    assert incident["timeline"][-1]["message"] == "Resolved by the Watchdog."


def test_a_long_silence_pages_once_and_the_next_one_again(serve, clock):
    served = serve(deadman_s=300)
    for _ in range(2):
        served.client.post("/v1/heartbeat", json=WATCHDOG)
        for _ in range(5):
            clock.pass_s(300)
            served.tick()
    assert [incident["status"] for incident in served.incidents()] == ["triggered", "resolved"]


def test_a_pager_that_never_heard_a_watchdog_does_not_miss_it(serve, clock):
    served = serve(deadman_s=300)
    clock.pass_s(10_000)
    served.tick()
    assert served.incidents() == []


def test_a_restart_during_a_silence_still_notices_it_and_joins_its_incident(serve_while, clock):
    with serve_while(deadman_s=300) as first:
        first.client.post("/v1/heartbeat", json=WATCHDOG)
        clock.pass_s(300)
        first.tick()
    with serve_while(deadman_s=300) as second:
        second.tick()
        clock.pass_s(300)
        second.tick()
        (incident,) = second.incidents()
        assert incident["status"] == "triggered"
    with serve_while(deadman_s=300) as third:
        third.client.post("/v1/heartbeat", json=WATCHDOG)
        assert [incident["status"] for incident in third.incidents()] == ["resolved"]


def test_time_that_the_pager_was_down_is_no_silence(serve_while, clock):
    with serve_while(deadman_s=300) as first:
        first.client.post("/v1/heartbeat", json=WATCHDOG)
    clock.pass_s(86_400)
    with serve_while(deadman_s=300) as second:
        second.tick()
        assert second.incidents() == []


def test_old_resolved_incidents_are_removed_and_counted_out(serve, clock):
    served = serve(retention=Retention(days=1))
    served.send(key="old")
    served.send("resolve", key="old")
    clock.pass_s(2 * 86_400)
    served.send(key="new")
    served.tick()
    assert [incident["dedup_key"] for incident in served.incidents()] == ["new"]
    labels = {"urgency": "high", "status": "resolved"}
    assert served.metrics.registry.get_sample_value("obskit_pager_incidents", labels) == 0
