"""What is pressed on an incident's page is done by the pager."""

import time

DEADLINE_S = 120


def escalations(incident):
    return [entry for entry in incident["timeline"] if entry["type"] == "escalated"]


def until(running, key, condition):
    """Wait until *condition* holds for the incident *key*, and return it."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition(incident := running.find_incident(key)):
        assert time.monotonic() < deadline, incident
        time.sleep(0.1)
    return incident


def test_acknowledging_in_the_browser_stops_the_escalation(signed_in, running):
    taken, left = running.incident("gateway fails"), running.incident("orders fails")
    until(running, taken, escalations)
    signed_in.open(f"/incidents/{taken}")
    signed_in.page.get_by_role("button", name="Acknowledge").click()
    acknowledged = until(running, taken, lambda incident: incident["status"] == "acknowledged")

    # The other one goes on meanwhile: twice more is as long as the first would have had to wait at most.
    before = len(escalations(running.find_incident(left)))
    until(running, left, lambda incident: len(escalations(incident)) > before + 1)

    assert escalations(running.find_incident(taken)) == escalations(acknowledged)
    assert running.find_incident(taken)["escalation"]["next_at"] is None
    signed_in.page.get_by_text("acknowledged by console").first.wait_for()
    assert signed_in.errors == []


def test_an_incident_is_escalated_noted_and_resolved(signed_in, running):
    key = running.incident("gateway fails")
    signed_in.open(f"/incidents/{key}")
    signed_in.page.get_by_role("button", name="Escalate").click()
    signed_in.page.get_by_text("Escalated by console").first.wait_for()
    signed_in.page.get_by_label("Note", exact=True).fill("rolled <b>back</b>")
    signed_in.page.get_by_role("button", name="Add note").click()
    signed_in.page.get_by_text("console: rolled <b>back</b>").wait_for()

    timeline = running.find_incident(key)["timeline"]
    assert any(entry["type"] == "note" and "rolled <b>back</b>" in entry["message"] for entry in timeline)
    assert any(entry["type"] == "escalation_request" for entry in timeline)
    assert signed_in.page.input_value("[aria-label=Note]") == ""

    signed_in.page.get_by_role("button", name="Resolve").click()
    until(running, key, lambda incident: incident["status"] == "resolved")
    assert signed_in.errors == []


def test_an_incident_is_exported(signed_in, running):
    key = running.incident("gateway fails")
    signed_in.open(f"/incidents/{key}")
    with signed_in.page.context.expect_page() as opened:
        signed_in.page.get_by_text("Export as Markdown").click()

    assert f"/v1/incidents/{key}.md" in opened.value.url
