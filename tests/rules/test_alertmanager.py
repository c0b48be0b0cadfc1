"""The routes: by amtool, and by a running Alertmanager with a receiver of its own."""

import json
import re
import textwrap
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import yaml

from obskit._assets import asset
from obskit.rules import write_native

_BURN = {
    "alertname": "AvailabilityBudgetBurn",
    "slo": "availability",
    "category": "availability",
    "team": "platform",
}
_PAGE = _BURN | {"severity": "page", "long_window": "1h", "short_window": "5m", "service_name": "gateway"}
_TICKET = _BURN | {"severity": "ticket", "long_window": "1d", "short_window": "2h", "service_name": "gateway"}
_CAUSE = {"alertname": "ServiceErrorRatioHigh", "severity": "ticket", "service_name": "orders"}
_TEXTS = {
    "summary": "gateway fails requests",
    "description": "30% of the requests failed",
    "impact": "Callers get errors.",
    "action": "Read the runbook.",
    "runbook_url": "http://127.0.0.1:8601/runbooks/AvailabilityBudgetBurn",
}


def test_amtool_accepts_the_committed_configuration(run, alerts_dir):
    code, said = run("amtool", "check-config", alerts_dir / "alertmanager.yml")

    assert code == 0, said


def _ways_of_the_readme(alerts_dir):
    """Return Slack, mail and webhook as the README writes them down."""
    block = re.search(r"```yaml\n(.*?)```", (alerts_dir / "README.md").read_text(), re.DOTALL)[1]
    return yaml.safe_load(textwrap.dedent(block))


@pytest.mark.parametrize("way", ["pagerduty", "slack_configs", "email_configs", "webhook_configs"])
def test_amtool_accepts_each_change_that_the_readme_tells_of(run, alerts_dir, tmp_path, way):
    config = yaml.safe_load((alerts_dir / "alertmanager.yml").read_text())
    (pager,) = [one for one in config["receivers"] if one["name"] == "pager"]
    if way == "pagerduty":  # the real one: the line url: is deleted
        assert pager["pagerduty_configs"][0].pop("url")
        assert pager["pagerduty_configs"][0]["routing_key_file"]
    else:
        pager[way] = _ways_of_the_readme(alerts_dir)[way]
    changed = tmp_path / "alertmanager.yml"
    changed.write_text(yaml.safe_dump(config))

    code, said = run("amtool", "check-config", changed)

    assert code == 0, said


@pytest.mark.parametrize(
    ("receiver", "labels"),
    [
        ("pager", {"alertname": "AvailabilityBudgetBurn", "severity": "page", "service_name": "gateway"}),
        ("pager", {"alertname": "TargetDown", "severity": "page", "service_name": "orders"}),
        ("pager", {"alertname": "TargetDown", "severity": "ticket", "service_name": "orders"}),
        ("pager", {"alertname": "ServiceLatencyHigh", "severity": "ticket", "service_name": "orders"}),
        ("heartbeat", {"alertname": "Watchdog", "severity": "none"}),
        ("null", {"alertname": "SomethingQuiet", "severity": "none"}),
        ("pager", {"alertname": "ForgotItsSeverity"}),
        ("pager", {"alertname": "MistypedIt", "severity": "pgae"}),
    ],
)
def test_an_alert_reaches_its_receiver(run, alerts_dir, receiver, labels):
    pairs = [f"{name}={value}" for name, value in labels.items()]
    file = f"--config.file={alerts_dir / 'alertmanager.yml'}"
    code, said = run("amtool", "config", "routes", "test", file, f"--verify.receivers={receiver}", *pairs)

    assert code == 0, said


@pytest.fixture
def received():
    """The notifications that a stand-in for the pager took, as (path, body)."""
    taken = []

    class Pager(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(202)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args):
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pager) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", taken
        server.shutdown()
        thread.join()


@pytest.fixture
def alertmanager(tmp_path, free_port, start_server, received):
    """A running Alertmanager with the shipped routes, 60 times faster."""
    key = tmp_path / "routing_key"
    key.write_text("0123456789abcdef0123456789abcdef")
    native = write_native(
        tmp_path / "rules",
        factor=60,
        scrape_interval_s=1,
        pager_url=received[0],
        routing_key_file=key,
        board_url=None,
    )
    url = f"http://127.0.0.1:{free_port()}"
    start_server(
        "alertmanager",
        "prometheus-alertmanager",
        f"--config.file={native.alertmanager}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
        ready_url=f"{url}/-/ready",
    )
    with httpx.Client(base_url=url) as client:
        yield client


def _send(client, *alerts, resolved=False):
    now = datetime.now(UTC)
    body = [
        {
            "labels": labels,
            "annotations": _TEXTS,
            # Alertmanager skips group_wait for alerts that began long ago; these begin now.
            "startsAt": (now - timedelta(minutes=5) if resolved else now).isoformat(),
            "endsAt": (now - timedelta(seconds=1) if resolved else now + timedelta(hours=1)).isoformat(),
        }
        for labels in alerts
    ]
    client.post("/api/v2/alerts", json=body).raise_for_status()


def _inhibited_by(client):
    """Which alert is inhibited by which: ``{(name, severity, service): [...]}``."""
    listed = client.get("/api/v2/alerts").json()
    names = {
        one["fingerprint"]: tuple(one["labels"].get(key) for key in ("alertname", "severity", "service_name"))
        for one in listed
    }
    return {
        names[one["fingerprint"]]: [names[other] for other in one["status"]["inhibitedBy"]] for one in listed
    }


def test_a_page_silences_the_ticket_of_the_same_objective_and_nothing_else(alertmanager, wait_for):
    target = {"alertname": "TargetDown", "service_name": "gateway"}
    elsewhere = _TICKET | {"service_name": "shop"}
    other_goal = _TICKET | {"alertname": "LatencyBudgetBurn", "slo": "latency"}
    sent = (_PAGE, _TICKET, elsewhere, other_goal, _CAUSE)
    _send(alertmanager, *sent, target | {"severity": "page"}, target | {"severity": "ticket"})

    page, ticket = (("AvailabilityBudgetBurn", severity, "gateway") for severity in ("page", "ticket"))
    found = wait_for(
        lambda: (names := _inhibited_by(alertmanager)) and names.get(ticket) == [page] and names,
        "the ticket is inhibited",
        within_s=60,
    )

    assert len(found) == 7
    assert {name for name, by in found.items() if by} == {ticket}


def test_the_ticket_opens_when_the_page_has_resolved(alertmanager, received, wait_for):
    _send(alertmanager, _PAGE, _TICKET)
    wait_for(lambda: _events(received), "the page arrives", within_s=60)
    assert [event["payload"]["severity"] for event in _events(received)] == ["critical"]

    _send(alertmanager, _PAGE, resolved=True)
    found = wait_for(
        lambda: len(_events(received)) >= 3 and _events(received), "the ticket arrives", within_s=60
    )

    assert {(one["event_action"], one["payload"]["severity"]) for one in found} == {
        ("trigger", "critical"),
        ("resolve", "critical"),
        ("trigger", "warning"),
    }


def test_a_page_arrives_as_pagerduty_wants_it_and_resolves(alertmanager, received, wait_for):
    longer = _PAGE | {"long_window": "6h", "short_window": "30m"}
    _send(alertmanager, _PAGE, longer)
    event = wait_for(lambda: _events(received), "the page arrives", within_s=60)[0]

    assert event["event_action"] == "trigger"
    assert event["client"] == "Alertmanager"
    payload = event["payload"]
    details = payload.pop("custom_details")
    assert payload == {
        "summary": "gateway fails requests",
        "source": "gateway",
        "severity": "critical",
        "class": "AvailabilityBudgetBurn",
        "component": "gateway",
        "group": "availability",
    }
    assert all(isinstance(text, str) for text in details.values())
    assert details["firing"].splitlines() == [_TEXTS["description"]] * 2
    assert (details["num_firing"], details["impact"]) == ("2", "Callers get errors.")
    assert event["links"] == [{"href": _TEXTS["runbook_url"], "text": "Runbook"}]

    _send(alertmanager, _PAGE, longer, resolved=True)
    last = wait_for(
        lambda: len(_events(received)) > 1 and _events(received)[-1], "the page resolves", within_s=60
    )
    assert (last["event_action"], last["dedup_key"]) == ("resolve", event["dedup_key"])


def test_tickets_and_pages_of_one_service_are_incidents_of_their_own(alertmanager, received, wait_for):
    target = {"alertname": "TargetDown", "service_name": "orders"}
    down = [target | {"severity": "ticket", "instance": name} for name in ("a", "b")]
    _send(alertmanager, target | {"severity": "page"}, *down, _CAUSE)
    found = wait_for(
        lambda: len(_events(received)) >= 3 and _events(received), "three incidents", within_s=60
    )

    assert len({event["dedup_key"] for event in found}) == 3
    assert sorted(event["payload"]["severity"] for event in found) == ["critical", "warning", "warning"]


def test_the_watchdog_beats_again_and_again_and_opens_no_incident(alertmanager, received, wait_for):
    _send(
        alertmanager,
        {"alertname": "Watchdog", "severity": "none"},
        {"alertname": "Quiet", "severity": "none"},
    )
    beats = wait_for(
        lambda: len(found := [body for path, body in received[1] if path == "/v1/heartbeat"]) >= 3 and found,
        "three heartbeats",
        within_s=60,
    )

    assert beats[0]["commonLabels"]["alertname"] == "Watchdog"
    assert _events(received) == []


def _events(received):
    return [body for path, body in received[1] if path == "/v2/enqueue"]


def test_the_pager_s_addresses_are_those_of_the_container():
    text = asset("alerts", "alertmanager.yml").read_text()

    assert "http://pager:8601/v2/enqueue" in text
    assert "routing_key_file: /run/secrets/pagerduty_routing_key" in text
