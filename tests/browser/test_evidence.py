"""From a page to its cause: incident, log line, trace; and lines as they are written."""

import datetime as dt
import json
import time
import uuid

import pytest

from obskit._faults import catalogue

DEADLINE_S = 90
PROMISED_S = 2.0
NOTE_LINES = """() => {
    window.seenAt = {};
    const look = () => document.querySelectorAll('.line .ev').forEach(each => {
        window.seenAt[each.textContent] ??= Date.now();
    });
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""


def rfc3339(at):
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


FAULTS = list(
    {fault.row["log_event"]: fault for fault in catalogue().values() if fault.row.get("log_event")}.values()
)
"""One of those that leave the same line, for each; two here, and all in make prove."""
SHOWN = [pytest.param(fault, marks=pytest.mark.prove if n > 1 else ()) for n, fault in enumerate(FAULTS)]


@pytest.mark.parametrize("fault", SHOWN, ids=lambda fault: fault.id)
def test_from_the_incidents_to_the_log_line_to_the_trace_in_three_clicks(tab, running, pictures, fault):
    trace_id, event = uuid.uuid4().hex, fault.row["log_event"]
    service = f"{fault.row.get('seen_in') or fault.service}-{trace_id[:6]}"
    running.trace(trace_id, time.time() - 5)
    line = {"service": service, "level": "error", "event": event, "trace_id": trace_id}
    running.log(line, at=time.time() - 5)
    key = running.incident(f"{service}: {fault.alert}", firing=fault.sentence)
    tab.open("/incidents")

    tab.page.click(f"text={key}")  # first click
    row = tab.page.locator("tr", has_text=service).filter(has_text=event)
    row.wait_for()
    tab.page.screenshot(path=pictures / f"incident-{fault.id}.png", full_page=True)
    row.get_by_text("lines", exact=True).click()  # second
    tab.page.locator(".line", has_text=service).get_by_text("trace", exact=True).click()  # third
    tab.page.wait_for_url(f"**/trace/{trace_id}**")
    tab.page.locator(".waterfall").wait_for()

    tab.page.screenshot(path=pictures / f"trace-{fault.id}.png", full_page=True)
    assert "POST /api/orders" in tab.text
    assert tab.page.locator(".waterfall .span").count() == 3
    assert event in tab.text  # the lines of the trace stand below it
    assert tab.errors == []


def test_an_incident_leads_to_the_board_here(tab, running):
    key = running.incident("gateway is slow")
    tab.open(f"/incidents/{key}")
    tab.page.click("text=Dashboard")

    tab.page.wait_for_url(running.url("console", "/d/obskit-service?*"))


def test_a_new_line_is_there_within_two_seconds_while_following(tab, running):
    """A line is written into a service's log file; the browser's own clock says when it is on the page.

    Both are clocks of one machine. A line that a busy machine held up is no failure: another one is
    written, until one was there in time.
    """
    tab.open("/logs")
    tab.page.locator(".q-toggle").click()
    tab.page.locator("text=Waiting for the next line").wait_for()
    tab.page.evaluate(NOTE_LINES)
    file = running.home / "logs" / "tailed.1.jsonl"
    took_s, deadline = [], time.monotonic() + DEADLINE_S
    while not took_s or min(took_s) > PROMISED_S:
        assert time.monotonic() < deadline, took_s
        event = f"tail.seen_{uuid.uuid4().hex[:8]}"
        written = time.time()
        line = {"timestamp": rfc3339(written), "service": "tailed", "level": "info", "event": event}
        with file.open("a") as log:
            log.write(json.dumps({**line, "environment": "demo", "version": "1", "logger": "x"}) + "\n")
        seen_ms = tab.page.wait_for_function("event => window.seenAt[event]", arg=event).json_value()
        took_s.append(seen_ms / 1000 - written)

    assert tab.errors == []


def test_a_line_opens_its_fields_and_leads_to_lines_like_it(tab, running):
    tab.open(f"/logs?from={(running.start + 1700) * 1000}&to={(running.start + 1900) * 1000}")
    line = tab.page.locator(".line", has_text="stock.refused")
    line.locator("summary").click()
    line.get_by_text("only these").first.click()

    tab.page.wait_for_url("**query=*json*")
    tab.settle()
    assert "stock.refused" in tab.text


def test_the_address_of_grafanas_explore_leads_to_the_logs(tab, running):
    panes = (
        '{"a":{"datasource":"loki","queries":[{"refId":"A","datasource":{"type":"loki","uid":"loki"},'
        '"expr":"{service_name=\\"orders\\"}"}],"range":{"from":"now-1h","to":"now"}}}'
    )
    tab.page.goto(
        running.url("console", "/explore?schemaVersion=1&orgId=1&panes=") + panes.replace("{", "%7B")
    )

    tab.page.wait_for_url("**/logs?*")
    tab.settle()
    assert tab.page.input_value("input[aria-label='LogQL query']") == '{service_name="orders"}'
