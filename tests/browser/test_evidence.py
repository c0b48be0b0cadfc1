"""From a page to its cause: incident, log line, trace; and lines as they are written."""

import time
import uuid


def test_from_the_incidents_to_the_log_line_to_the_trace_in_three_clicks(tab, running, pictures):
    trace_id = uuid.uuid4().hex
    running.trace(trace_id, time.time() - 5)
    event = f"stock.refused_{trace_id[:6]}"
    line = {"service": "orders", "level": "error", "event": event, "trace_id": trace_id}
    running.log(line, at=time.time() - 5)
    key = running.incident("gateway fails requests", firing="3 % of the requests failed")
    tab.open("/incidents")

    tab.page.click(f"text={key}")  # first click
    row = tab.page.locator("tr", has_text=event)
    row.wait_for()
    tab.page.screenshot(path=pictures / "incident.png", full_page=True)
    row.get_by_text("lines", exact=True).click()  # second
    tab.page.locator(".line", has_text=event).get_by_text("trace", exact=True).click()  # third
    tab.page.wait_for_url(f"**/trace/{trace_id}**")
    tab.page.locator(".waterfall").wait_for()

    tab.page.screenshot(path=pictures / "trace.png", full_page=True)
    assert "POST /api/orders" in tab.text
    assert tab.page.locator(".waterfall .span").count() == 3
    assert event in tab.text  # the lines of the trace stand below it
    assert tab.errors == []


def test_an_incident_leads_to_the_board_here(tab, running):
    key = running.incident("gateway is slow")
    tab.open(f"/incidents/{key}")
    tab.page.click("text=Dashboard")

    tab.page.wait_for_url(running.url("console", "/d/obskit-service?*"))


def test_a_new_line_is_there_while_following(tab, running):
    tab.open("/logs")
    tab.page.locator(".q-toggle").click()
    tab.page.locator("text=Waiting for the next line").wait_for()
    event = f"tail.seen_{uuid.uuid4().hex[:8]}"
    deadline = time.monotonic() + 60
    # The tail answers lines that came since it was opened; which is when the first one shows.
    while not tab.page.locator(".line").count() and time.monotonic() < deadline:
        running.log({"service": "orders", "level": "info", "event": "tail.opened"})
        tab.page.wait_for_timeout(200)

    running.log({"service": "orders", "level": "info", "event": event})
    tab.page.locator(".line", has_text=event).first.wait_for()
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
