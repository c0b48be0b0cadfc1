"""The pager as a process: what it survives, and what it says when it cannot start."""

import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

KEY = "0123456789abcdef0123456789abcdef"


def event(key, action="trigger", severity="critical"):
    return {
        "routing_key": KEY,
        "event_action": action,
        "dedup_key": key,
        "payload": {"summary": f"{key} broke", "source": "db1", "severity": severity},
    }


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "obskit.pager", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_event_that_was_accepted_outlives_sigkill(run_pager, wait_for):
    pager = run_pager()
    accepted = []

    def flood(sender):
        for number in range(10_000):
            key = f"{sender}-{number}"
            try:
                if pager.client.post("/v2/enqueue", json=event(key)).status_code == 202:
                    accepted.append(key)
            except httpx.TransportError:
                return

    with ThreadPoolExecutor(4) as senders:
        floods = [senders.submit(flood, sender) for sender in range(4)]
        wait_for(lambda: len(accepted) > 100, "events are accepted")
        pager.kill()
        for one in floods:
            one.result()
    again = run_pager()
    incidents = again.client.get("/v1/incidents?limit=1000").json()["incidents"]
    keys = [incident["dedup_key"] for incident in incidents]
    assert set(accepted) <= set(keys)
    assert len(keys) == len(set(keys))


def test_goes_on_with_its_incidents_after_sigkill(run_pager, auth):
    pager = run_pager()
    for key in ("a", "b", "c"):
        pager.client.post("/v2/enqueue", json=event(key))
    pager.client.post("/v1/incidents/INC-000001/acknowledge", headers=auth)
    pager.client.post("/v2/enqueue", json=event("b", "resolve"))
    pager.kill()
    again = run_pager()
    again.client.post("/v2/enqueue", json=event("c"))
    states = {i["dedup_key"]: i["status"] for i in again.client.get("/v1/incidents").json()["incidents"]}
    assert states == {"a": "acknowledged", "b": "resolved", "c": "triggered"}


CONFIG = """
notifiers:
  pages: {type: file, path: pages.txt}
  dead: {type: webhook, url: 'http://127.0.0.1:PORT/', secret_file: secrets/admin_token}
escalation:
  levels:
    - {notify: [dead], escalate_after: 1s}
    - {notify: [pages], escalate_after: 1h}
  repeat: 0
"""


def test_an_escalation_goes_on_after_sigkill(run_pager, home, free_port, wait_for):
    (home / "pager.yaml").write_text(CONFIG.replace("PORT", str(free_port())))
    pager = run_pager()
    pager.client.post("/v2/enqueue", json=event("disk"))
    wait_for(
        lambda: "notification_failed" in pager.client.get("/v1/incidents").text, "the first level is tried"
    )
    pager.kill()
    again = run_pager()
    pages = home / "pages.txt"
    wait_for(
        lambda: pages.exists() and "PAGE  db1: disk broke" in pages.read_text(), "the second level is told"
    )
    timeline = again.client.get("/v1/incidents/INC-000001").json()["timeline"]
    assert "Nobody acknowledged it within 1 s: level 2 of 2, pages." in [one["message"] for one in timeline]
    metrics = again.client.get("/metrics").text
    assert (
        'obskit_pager_notifications_total{integration="dead",outcome="ok",service_name="pager"} 0.0'
        in metrics
    )


def test_says_what_is_wrong_with_its_configuration(home, free_port):
    path = home / "pager.yaml"
    path.write_text("escalation: {levels: [{notify: nobody}]}")
    result = run("--home", str(home), "--port", str(free_port()))
    assert result.returncode == 1
    assert "escalation.levels[0].notify: 'nobody' is not a notifier; stdout are accepted." in result.stderr
    assert f"Correct {path} and start the pager again." in result.stderr
    assert "Traceback" not in result.stderr


def test_prints_a_page_and_logs_it(run_pager, wait_for):
    pager = run_pager()
    pager.client.post("/v2/enqueue", json=event("disk"))
    wait_for(lambda: "page.sent" in pager.output.read_text(), "the page is logged")
    text = pager.output.read_text()
    assert "PAGE  db1: disk broke\nINC-000001, critical, affects db1\n" in text
    assert f"{pager.client.base_url}/incidents/INC-000001" in text
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    (sent,) = [line for line in lines if line["event"] == "page.sent"]
    assert (sent["service"], sent["incident"], sent["integration"]) == ("pager", "INC-000001", "stdout")
    assert KEY not in text


def test_shows_its_numbers_on_metrics(run_pager, wait_for):
    pager = run_pager()
    pager.client.post("/v2/enqueue", json=event("disk"))
    metrics = pager.client.get("/metrics").text
    assert 'obskit_pager_incidents{service_name="pager",status="triggered",urgency="high"} 1.0' in metrics
    assert 'http_route="/v2/enqueue"' in metrics


def test_answers_the_first_events_as_told(run_pager):
    pager = run_pager("--fail", "500,429")
    assert [pager.client.post("/v2/enqueue", json=event("a")).status_code for _ in range(3)] == [
        500,
        429,
        202,
    ]


def test_misses_a_watchdog_that_stops(run_pager, wait_for):
    pager = run_pager("--deadman-s", "0.5")
    webhook = {"alerts": [{"status": "firing", "labels": {"alertname": "Watchdog"}}]}
    pager.client.post("/v1/heartbeat", json=webhook)
    wait_for(lambda: pager.client.get("/v1/incidents").json()["incidents"], "the silence is noticed")
    pager.client.post("/v1/heartbeat", json=webhook)
    (incident,) = pager.client.get("/v1/incidents").json()["incidents"]
    assert (incident["service"], incident["status"]) == ("monitoring", "resolved")


def test_listens_on_loopback_only(run_pager):
    pager = run_pager()
    connections = psutil.Process(pager.process.pid).net_connections("inet")
    listening = {one.laddr for one in connections if one.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", pager.client.base_url.port)}


def test_ends_cleanly_when_told(run_pager):
    assert run_pager().stop() in (0, -signal.SIGTERM)


def test_a_second_pager_on_the_same_home_is_told_so(run_pager, home, free_port):
    run_pager()
    second = run("--home", str(home), "--port", str(free_port()))
    assert second.returncode == 1
    assert "database is locked" in second.stderr
    assert "Stop the other pager" in second.stderr
    assert "Traceback" not in second.stderr


def test_says_that_its_port_is_taken(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("--home", str(home), "--port", str(port))
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"Port {port} on 127.0.0.1 cannot be used: Address already in use.",
        "Stop the program that uses it, or choose another with --port.",
    ]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("routing_key", None, "cannot be read: FileNotFoundError."),
        ("admin_token", "", "is empty."),
        ("routing_key", "short", "is not 32 letters and digits."),
        ("routing_key", "ä" * 32, "cannot be read: UnicodeDecodeError."),
    ],
)
def test_says_which_secret_it_lacks_and_never_shows_one(home, free_port, name, content, error):
    path = home / "secrets" / name
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result = run("--home", str(home), "--port", str(free_port()))
    assert result.returncode == 1
    assert error in result.stderr
    assert "obskit up" in result.stderr
    assert "short" not in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        (["--port", "70000"], "number from 0 to 65535"),
        (["--deadman-s", "0"], "number from 0.1 to 1e+06"),
        (["--keep", "many"], "number from 1 to 1e+07"),
        (["--fail", "200"], "list of HTTP error statuses"),
        (["--fail", "a,b"], "list of HTTP error statuses"),
    ],
)
def test_misuse_names_what_is_accepted(home, arguments, accepted):
    result = run("--home", str(home), *arguments)
    assert result.returncode == 2
    assert accepted in result.stderr
