"""A real Alertmanager pages the pager."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

FIRING_ALERTS = (
    '{{ range $i, $alert := .Alerts.Firing }}{{ if $i }}{{ "\\n" }}{{ end }}'
    "{{ $alert.Labels.alertname }}/{{ $alert.Labels.long_window }}{{ end }}"
)
OVER = "2020-01-01T00:00:00Z"


@dataclass
class Alertmanager:
    client: httpx.Client

    def post(self, window="1h", name="AvailabilityBudgetBurn", **alert):
        labels = {"alertname": name, "service_name": "orders", "severity": "page", "long_window": window}
        annotations = {"summary": "orders burns its budget", "runbook_url": "http://127.0.0.1/runbooks/A"}
        body = [{"labels": labels, "annotations": annotations, **alert}]
        self.client.post("/api/v2/alerts", json=body).raise_for_status()


@pytest.fixture
def alertmanager(tmp_path: Path, home: Path, free_port, wait_for):
    """Start Alertmanager so that it pages the pager at a port."""
    started = []

    def start(pager_port: int, *, details: dict[str, str] | None = None) -> Alertmanager:
        pager = f"http://127.0.0.1:{pager_port}"
        paging = {
            "url": f"{pager}/v2/enqueue",
            "routing_key_file": str(home / "secrets" / "routing_key"),
            "severity": '{{ if eq .CommonLabels.severity "page" }}critical{{ else }}warning{{ end }}',
            "component": "{{ .CommonLabels.service_name }}",
            "description": "{{ .CommonAnnotations.summary }}",
            "details": details or {},
            "links": [{"href": "{{ .CommonAnnotations.runbook_url }}", "text": "Runbook"}],
        }
        beating = {"url": f"{pager}/v1/heartbeat", "send_resolved": False}
        config = {
            "route": {
                "receiver": "pager",
                "group_by": ["alertname", "service_name"],
                "group_wait": "0s",
                "group_interval": "1s",
                "repeat_interval": "1h",
                "routes": [{"matchers": ['alertname="Watchdog"'], "receiver": "heartbeat"}],
            },
            "receivers": [
                {"name": "pager", "pagerduty_configs": [paging]},
                {"name": "heartbeat", "webhook_configs": [beating]},
            ],
        }
        file = tmp_path / "alertmanager.yml"
        file.write_text(yaml.safe_dump(config))
        port = free_port()
        output = (tmp_path / "alertmanager.out").open("wb")
        process = subprocess.Popen(
            [
                "prometheus-alertmanager",
                f"--config.file={file}",
                f"--storage.path={tmp_path / 'alertmanager'}",
                "--cluster.listen-address=",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=False)
        started.append((process, client, output))

        def ready():
            assert process.poll() is None, (tmp_path / "alertmanager.out").read_text()
            try:
                return client.get("/-/ready").status_code == 200
            except httpx.TransportError:
                return False

        wait_for(ready, "Alertmanager is ready")
        return Alertmanager(client)

    yield start
    for process, client, output in started:
        process.terminate()
        process.wait(10)
        client.close()
        output.close()


def one(pager, status):
    """The incident, if there is exactly one and it has this status."""
    incidents = pager.client.get("/v1/incidents").json()["incidents"]
    return incidents[0] if [incident["status"] for incident in incidents] == [status] else None


def test_an_alert_opens_an_incident_and_its_end_resolves_it(run_pager, alertmanager, wait_for):
    pager = run_pager()
    sender = alertmanager(pager.client.base_url.port)
    sender.post()
    incident = wait_for(lambda: one(pager, "triggered"), "the incident opens")
    assert (incident["title"], incident["service"]) == ("orders burns its budget", "orders")
    assert (incident["severity"], incident["urgency"]) == ("critical", "high")
    assert {"href": "http://127.0.0.1/runbooks/A", "text": "Runbook"} in incident["links"]
    assert len(incident["dedup_key"]) == 64
    sender.post(endsAt=OVER)
    resolved = wait_for(lambda: one(pager, "resolved"), "the incident resolves")
    assert resolved["timeline"][-1]["message"] == "Resolved by Alertmanager."
    sender.post()
    wait_for(lambda: len(pager.client.get("/v1/incidents").json()["incidents"]) == 2, "a new incident opens")


@pytest.mark.parametrize("details", [{}, {"firing_alerts": FIRING_ALERTS}], ids=["default", "named"])
def test_alerts_of_a_group_join_and_leave(run_pager, alertmanager, wait_for, details):
    pager = run_pager()
    sender = alertmanager(pager.client.base_url.port, details=details)

    def entries(kind):
        incident = one(pager, "triggered")
        found = incident["timeline"] if incident else []
        return [entry["message"] for entry in found if entry["type"] == kind]

    sender.post("1h")
    wait_for(lambda: len(entries("alert_joined")) == 1, "the first alert is there")
    sender.post("6h")
    joined = wait_for(lambda: entries("alert_joined")[1:], "the second alert joins")
    sender.post("1h", endsAt=OVER)
    left = wait_for(lambda: entries("alert_left"), "the first alert leaves")
    assert "6h" in joined[0]
    assert joined[0].endswith("fires too.")
    assert "1h" in left[0]
    assert left[0].endswith("no longer fires.")


@pytest.mark.parametrize("status", [500, 429])
def test_alertmanager_tries_again_after_a_failure(run_pager, alertmanager, wait_for, status):
    pager = run_pager("--fail", f"{status},{status}")
    sender = alertmanager(pager.client.base_url.port)
    sender.post()
    wait_for(lambda: one(pager, "triggered"), "the incident opens in the end")
    refused = [line for line in pager.output.read_text().splitlines() if '"event.refused"' in line]
    assert len(refused) == 2


def test_an_incident_outlives_a_killed_pager_and_resolves_in_the_next(run_pager, alertmanager, wait_for):
    pager = run_pager()
    port = pager.client.base_url.port
    sender = alertmanager(port)
    sender.post()
    wait_for(lambda: one(pager, "triggered"), "the incident opens")
    pager.kill()
    sender.post(endsAt=OVER)
    again = run_pager(port=port)
    wait_for(lambda: one(again, "resolved"), "the incident resolves", within_s=40)


def test_the_watchdog_reaches_the_deadman(run_pager, alertmanager, wait_for):
    pager = run_pager()
    sender = alertmanager(pager.client.base_url.port)
    sender.post(name="Watchdog")
    wait_for(
        lambda: "The last Watchdog heartbeat came" in pager.client.get("/incidents").text, "a heartbeat comes"
    )
