"""What strangers write is shown and never run; what changes something needs the token."""

import httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

EVIL = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'


@pytest.mark.parametrize(
    "path",
    [
        "/logs?from={from_}&to={to}",
        "/traces?query=%7B%7D&from={from_}&to={to}",
        "/trace/1bf7651916cd43dd8448eb211c80319c",
        "/alerts",
        "/d/obskit-service?from={from_}&to={to}",
        "/d/obskit-service?from={from_}&to={to}&var-service=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
        "/query?query=process_resident_memory_bytes&from={from_}&to={to}",
        "/query?query=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
        "/d/%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
        "/incidents/%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
        "/sign-in?next=%22%3E%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
        "/?from=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
    ],
)
def test_hostile_text_is_shown_and_not_run(tab, running, path):
    times = {"from_": (running.start + 60) * 1000, "to": (running.start + 3600) * 1000}
    tab.page.goto(running.url("console", path.format(**times)))
    tab.page.locator(".body").wait_for()
    tab.settle()
    tab.page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")

    assert not tab.is_pwned
    assert tab.page.locator("img[src=x]").count() == 0
    assert not [error for error in tab.errors if "404" not in error]


def test_a_hostile_incident_is_shown_and_not_run(tab, running):
    key = running.incident(f"gateway {EVIL}", firing=EVIL, action="javascript:window.pwned=1")
    tab.open("/incidents")
    tab.page.click(f"text={key}")
    tab.page.get_by_role("button", name="Acknowledge").wait_for()

    assert EVIL in tab.text
    assert tab.page.locator("a[href^='javascript']").count() == 0
    assert not tab.is_pwned


def test_acknowledging_asks_for_the_token_first(tab, running):
    key = running.incident("gateway fails")
    tab.open(f"/incidents/{key}")
    tab.page.get_by_role("button", name="Acknowledge").click()
    tab.page.wait_for_url("**/sign-in?next=*")

    assert running.find_incident(key)["status"] == "triggered"
    tab.page.fill("input[name=token]", "wrong")
    tab.page.click("button[type=submit]")
    tab.page.locator("text=That is not the admin token.").wait_for()
    tab.page.fill("input[name=token]", running.token)
    tab.page.click("button[type=submit]")
    tab.page.wait_for_url(f"**/incidents/{key}")
    tab.page.get_by_role("button", name="Acknowledge").click()
    tab.page.locator("text=acknowledged").first.wait_for()
    assert running.find_incident(key)["status"] == "acknowledged"


def test_an_alert_is_silenced_and_the_silence_is_ended(signed_in, running):
    signed_in.open("/alerts")
    signed_in.page.click("text=Silence for 2 h")
    signed_in.page.locator("text=by console").wait_for()
    assert active_silences(running) == 1
    signed_in.page.get_by_text("End", exact=True).click()
    signed_in.page.locator("text=by console").wait_for(state="detached")

    assert active_silences(running) == 0


def active_silences(running):
    silences = httpx.get(running.url("alertmanager", "/api/v2/silences")).json()
    return sum(each["status"]["state"] == "active" for each in silences)


def level_of(running, fault):
    headers = {"authorization": f"Bearer {running.token}"}
    rows = httpx.get(running.url("inventory", "/admin/faults"), headers=headers).json()["faults"]
    return next(row["level"] for row in rows if row["id"] == fault)


def test_a_fault_is_switched_on_and_off_with_the_token(signed_in, running):
    signed_in.open("/faults")
    row = signed_in.page.locator(".alert", has_text="inventory-slow")
    row.get_by_text("off ·").wait_for()
    row.get_by_role("button", name="50 %").click()
    row.get_by_text("on, hits so far").wait_for()
    assert level_of(running, "inventory-slow") == 50
    row.get_by_role("button", name="off", exact=True).click()
    row.get_by_text("off ·").wait_for()

    assert level_of(running, "inventory-slow") == 0


def test_a_fault_is_not_switched_without_the_token(tab, running):
    tab.open("/faults")
    row = tab.page.locator(".alert", has_text="inventory-errors")
    row.get_by_text("off ·").wait_for()
    row.get_by_role("button", name="100 %").click()
    tab.page.wait_for_url("**/sign-in?next=*")

    assert level_of(running, "inventory-errors") == 0


def test_the_panel_that_a_fault_moves_is_watched_beside_its_switch(tab, running):
    tab.open("/faults")
    tab.page.get_by_label("Find a fault").fill("inventory-slow")
    tab.page.get_by_role("button", name="Watch inventory-slow").click()

    tab.page.locator("[data-panel][aria-label='Sync: caller waits']:not([data-state=reading])").wait_for()
    assert tab.errors == []


def test_a_lab_is_started_with_the_token_and_stopped(signed_in, running):
    signed_in.open("/labs")
    signed_in.page.get_by_role("button", name="Whole run of n-plus-one-vs-join").click()
    signed_in.page.get_by_role("button", name="Stop").click()

    signed_in.page.get_by_text("It was stopped.").wait_for()
    assert signed_in.errors == []


def test_a_lab_is_not_started_without_the_token(tab, running):
    tab.open("/labs")
    tab.page.get_by_role("button", name="Whole run of n-plus-one-vs-join").click()

    tab.page.wait_for_url("**/sign-in?next=*")


def test_another_name_of_this_machine_is_not_served(running):
    answer = httpx.get(running.url("console", "/"), headers={"host": "evil.example:8600"})

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/_nicegui_ws/socket.io/?EIO=4&transport=websocket", "/anything"])
@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", None])
def test_another_page_can_open_no_socket(running, origin, path):
    address = running.url("console", path).replace("http", "ws", 1)
    with pytest.raises(WebSocketException, match="403"), connect(address, origin=origin, proxy=None):
        pass


def test_another_page_can_send_nothing(running):
    answer = httpx.post(
        running.url("console", "/sign-in"),
        data={"token": running.token},
        headers={"origin": "http://evil.example"},
    )

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_pages_load_nothing_from_elsewhere_and_cannot_be_framed(running):
    policy = httpx.get(running.url("console", "/")).headers["content-security-policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy


def test_nothing_is_written_into_the_working_directory(running):
    assert {path.name for path in running.home.iterdir() if path.name.startswith(".")} == set()


def test_the_token_is_on_no_page(signed_in, running):
    signed_in.open("/incidents")

    assert running.token not in signed_in.page.content()
    assert all(running.token not in cookie["value"] for cookie in signed_in.page.context.cookies())


def test_parts_of_pages_are_not_observed(tab, running):
    tab.open("/boards")
    metrics = httpx.get(running.url("console", "/metrics")).text
    served = [
        line for line in metrics.splitlines() if line.startswith("http_server_request_duration_seconds_count")
    ]

    assert any('http_route="/boards"' in line for line in served)
    assert not any("nicegui" in line or "static" in line for line in served)
