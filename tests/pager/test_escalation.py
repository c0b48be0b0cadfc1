"""Who is told when, over time, after restarts, and when notifiers fail."""

import pytest

from obskit.pager import Level, Policy

TWO = Policy(levels=(Level(("first",), 300.0), Level(("second", "first"), 600.0)), repeat=1)
TIMED = Policy(levels=(Level(("first",), 300.0),), repeat=0, acknowledge_timeout_s=1_800.0)


@pytest.fixture
def first(inbox_named):
    return inbox_named("first")


@pytest.fixture
def second(inbox_named):
    return inbox_named("second")


@pytest.fixture
def start(serve, first, second):
    return lambda policy=TWO, **more: serve(policy=policy, inboxes=(first, second), **more)


def entries(served, kind):
    return [entry["message"] for entry in served.incidents()[0]["timeline"] if entry["type"] == kind]


def later(served, clock, seconds):
    clock.pass_s(seconds)
    served.tick()


def test_the_next_level_is_told_when_nobody_acknowledges(start, clock, first, second):
    served = start()
    served.send()
    served.tick()
    later(served, clock, 299)
    assert (len(first.pages), len(second.pages)) == (1, 0)
    later(served, clock, 1)
    assert (len(first.pages), len(second.pages)) == (2, 1)
    assert second.pages[0].reason == "Nobody acknowledged it within 5 min."
    assert entries(served, "escalated") == [
        "Nobody acknowledged it within 5 min: level 2 of 2, second, first."
    ]
    assert served.incidents()[0]["escalation"] == {
        "level": 2,
        "levels": 2,
        "round": 1,
        "rounds": 2,
        "next_at": "2023-11-14T22:28:20.000Z",
    }


def test_the_levels_repeat_and_then_the_timeline_says_that_they_are_over(start, clock, first, second):
    served = start()
    served.send()
    served.tick()
    for wait_s in (300, 600, 300, 600, 10_000, 10_000):
        later(served, clock, wait_s)
    assert (len(first.pages), len(second.pages)) == (4, 2)
    assert "level 1 of 2, round 2 of 2, first" in entries(served, "escalated")[1]
    assert entries(served, "no_notification_sent") == [
        "Nobody acknowledged it within 10 min, and the escalation is at its end: nobody else is told."
    ]
    assert served.incidents()[0]["escalation"]["next_at"] is None


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_somebody_who_takes_it_ends_the_escalation(start, clock, first, second, action):
    served = start()
    served.send()
    served.tick()
    served.send(action)
    later(served, clock, 10_000)
    assert (len(first.pages), len(second.pages)) == (1, 0)


def test_what_was_not_delivered_yet_is_dropped_when_somebody_takes_it(start, clock, first):
    first.broken = True
    served = start()
    served.send()
    served.tick()
    served.send("acknowledge")
    first.broken = False
    later(served, clock, 10_000)
    assert first.pages == []


def test_low_urgency_never_notifies_nor_escalates(start, clock, first, second, auth):
    served = start()
    served.send(severity="warning")
    later(served, clock, 10_000)
    answer = served.client.post("/v1/incidents/INC-000001/escalate", headers=auth)
    served.tick()
    assert first.pages == second.pages == []
    assert answer.status_code == 409
    assert "ticket" in answer.json()["error"]


def test_a_person_can_escalate_at_once(start, first, second, auth):
    served = start()
    served.send()
    served.tick()
    answer = served.client.post("/v1/incidents/INC-000001/escalate", json={"by": "ann"}, headers=auth)
    served.tick()
    assert (len(first.pages), len(second.pages)) == (2, 1)
    assert answer.json()["timeline"][-1]["message"] == "Escalated by ann: level 2 of 2, second, first."
    assert second.pages[0].reason == "Escalated by ann."


def test_escalating_what_somebody_has_triggers_it_again_and_goes_on(start, second, clock, auth):
    served = start()
    served.send()
    served.tick()
    served.send("acknowledge")
    answer = served.client.post("/v1/incidents/INC-000001/escalate", headers=auth).json()
    served.tick()
    assert (answer["status"], answer["acknowledged_at"], answer["acknowledged_by"]) == (
        "triggered",
        None,
        None,
    )
    assert len(second.pages) == 1


def test_escalating_after_the_end_begins_again(start, clock, first, auth):
    served = start(TIMED)
    served.send()
    served.tick()
    later(served, clock, 300)
    served.client.post("/v1/incidents/INC-000001/escalate", headers=auth)
    served.tick()
    assert len(first.pages) == 2


def test_a_resolved_incident_cannot_be_escalated(start, auth):
    served = start()
    served.send()
    served.send("resolve")
    answer = served.client.post("/v1/incidents/INC-000001/escalate", headers=auth)
    assert answer.status_code == 409
    assert "already resolved" in answer.json()["error"]


def test_an_acknowledgement_that_leads_nowhere_triggers_again(start, clock, first):
    served = start(TIMED)
    served.send()
    served.tick()
    clock.pass_s(60)
    served.send("acknowledge")
    later(served, clock, 1_799)
    assert served.incidents()[0]["status"] == "acknowledged"
    later(served, clock, 1)
    assert served.incidents()[0]["status"] == "triggered"
    assert len(first.pages) == 2
    assert entries(served, "unacknowledged") == ["Acknowledged 30 min ago and not resolved: triggered again."]


def test_only_the_first_acknowledgement_counts_for_the_mtta(start, clock):
    served = start(TIMED)
    served.send()
    served.tick()
    clock.pass_s(60)
    served.send("acknowledge")
    later(served, clock, 1_800)
    served.send("acknowledge")

    def value(name):
        return served.metrics.registry.get_sample_value(name, {"urgency": "high"})

    assert value("obskit_pager_acknowledge_seconds_count") == 1
    assert value("obskit_pager_acknowledge_seconds_sum") == 60


def test_the_numbers_are_there_before_anything_happened(start):
    served = start()
    for urgency in ("high", "low"):
        for name in ("acknowledge", "resolve"):
            labels = {"urgency": urgency, "le": "+Inf"}
            assert (
                served.metrics.registry.get_sample_value(f"obskit_pager_{name}_seconds_bucket", labels) == 0
            )
    for name in ("first", "second"):
        labels = {"integration": name}
        assert served.metrics.registry.get_sample_value("obskit_pager_notifications_waiting", labels) == 0


def test_a_dead_notifier_keeps_nobody_waiting_and_is_tried_ever_more_slowly(start, clock, first, second):
    both = Policy(levels=(Level(("first", "second"), 100_000.0),), repeat=0)
    first.broken = True
    served = start(both, retry_s=10, retry_max_s=40)
    served.send()
    served.tick()
    assert len(second.pages) == 1

    def failures():
        timeline = served.incidents()[0]["timeline"]
        return sum(entry["count"] for entry in timeline if entry["type"] == "notification_failed")

    for wait_s in (10, 20, 40, 40):
        before = failures()
        later(served, clock, wait_s - 1)
        assert failures() == before
        later(served, clock, 1)
        assert failures() == before + 1
    labels = {"integration": "first", "outcome": "failed"}
    assert served.metrics.registry.get_sample_value("obskit_pager_notifications_total", labels) == 5
    served.tick()
    waiting = {"integration": "first"}
    assert served.metrics.registry.get_sample_value("obskit_pager_notifications_waiting", waiting) == 1
    first.broken = False
    later(served, clock, 40)
    assert len(first.pages) == 1
    assert len(second.pages) == 1


def test_goes_on_after_a_restart_where_it_was(serve_while, clock, first, second):
    with serve_while(policy=TWO, inboxes=(first, second)) as served:
        served.send()
        served.tick()
    clock.pass_s(300)
    with serve_while(policy=TWO, inboxes=(first, second)) as served:
        served.tick()
        assert (len(first.pages), len(second.pages)) == (2, 1)
        assert "policy_updated" not in str(served.incidents())


def test_what_was_not_delivered_is_delivered_after_a_restart(serve_while, first, second):
    first.broken = True
    with serve_while(policy=TWO, inboxes=(first, second), retry_s=3_600) as served:
        served.send()
        served.tick()
    first.broken = False
    with serve_while(policy=TWO, inboxes=(first, second)) as served:
        served.tick()
    assert [page.delivery for page in first.pages] == ["INC-000001/1/first"]


def test_another_policy_is_noted_and_takes_over(serve_while, clock, first, second):
    first.broken = True
    with serve_while(policy=TWO, inboxes=(first, second)) as served:
        served.send()
        served.tick()
    other = Policy(levels=(Level(("second",), 60.0),), repeat=0)
    with serve_while(policy=other, inboxes=(second,)) as served:
        served.tick()
        assert entries(served, "policy_updated") == ["The escalation policy was changed."]
        # What waited for the notifier that is gone is told by the new one.
        assert len(second.pages) == 1


def test_no_policy_tells_everybody_again(start, clock, first, second):
    served = start(None)
    served.send()
    served.tick()
    for _ in range(10):
        later(served, clock, 300)
    assert (len(first.pages), len(second.pages)) == (3, 3)


def test_waits_can_be_shortened_for_a_demonstration():
    fast = TIMED.scaled(60)
    assert fast.levels[0].escalate_after_s == 5
    assert fast.acknowledge_timeout_s == 30
    assert TIMED.scaled(1) is TIMED
    assert TIMED.scaled(1e6).levels[0].escalate_after_s == 1
    assert len({TWO.number, TIMED.number, fast.number}) == 3
