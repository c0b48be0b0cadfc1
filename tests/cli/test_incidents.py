import json
import os
import subprocess
import sys

import pytest


def test_list_of_a_home_that_never_ran_is_empty(shell):
    result = shell.run("incidents", "list", "--json")

    assert result.code == 0
    assert json.loads(result.out) == []


@pytest.mark.parametrize("incident_id", ["INC-000009", "nine", "../x"])
def test_incident_that_there_is_not(shell, incident_id):
    result = shell.run("incidents", "show", incident_id)

    assert result.code == 1
    assert f"There is no incident {incident_id!r}." in result.err
    assert "Fix:   obskit incidents list" in result.err


def test_acknowledging_takes_a_running_pager(shell):
    shell.home.create()

    result = shell.run("incidents", "ack", "INC-000001")

    assert result.code == 1
    assert f"pager does not answer on port {shell.ports['pager']}" in result.err


def test_test_page_takes_a_running_alertmanager(shell):
    result = shell.run("incidents", "test")

    assert result.code == 1
    assert "alertmanager does not answer" in result.err


@pytest.mark.parametrize("action", [["note", "INC-000001", "x"], ["escalate", "INC-000001"]])
def test_what_changes_an_incident_takes_a_running_pager(shell, action):
    shell.home.create()

    result = shell.run("incidents", *action)

    assert result.code == 1
    assert "pager does not answer" in result.err


KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def pager(shell, wait_for):
    """A pager of this home, with one open incident."""
    import httpx

    shell.home.create()
    (shell.home.root / "secrets" / "routing_key").write_text(KEY)
    port = str(shell.ports["pager"])
    command = [sys.executable, "-m", "obskit.pager", "--home", str(shell.home.root), "--port", port]
    output = (shell.home.root / "pager.out").open("wb")
    with output, subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ}) as process:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:

            def ready():
                assert process.poll() is None
                try:
                    return client.get("/readyz").status_code == 200
                except httpx.TransportError:
                    return False

            wait_for(ready, "the pager is ready", within_s=90)
            event = {
                "routing_key": KEY,
                "event_action": "trigger",
                "payload": {"summary": "Disk is full", "source": "db1", "severity": "critical"},
            }
            assert client.post("/v2/enqueue", json=event).status_code == 202
            wait_for(lambda: "notification_sent" in client.get("/v1/incidents").text, "somebody is told")
        yield process
        if process.poll() is None:
            process.kill()


def test_an_incident_from_its_page_to_its_postmortem(shell, pager, tmp_path):
    def run(*arguments):
        result = shell.run("incidents", *arguments)
        assert result.code == 0, result.err
        return result.out

    assert "Escalated by" in run("escalate", "INC-000001")
    assert run("note", "INC-000001", "cleaned /tmp") == "Noted on INC-000001: Disk is full\n"
    assert "INC-000001 is acknowledged" in run("ack", "INC-000001")
    shown = json.loads(run("show", "INC-000001", "--json"))
    assert shown["timeline"][-1]["type"] == "acknowledged"
    assert shown["acknowledged_by"]
    assert "INC-000001 is resolved" in run("resolve", "INC-000001")
    again = shell.run("incidents", "escalate", "INC-000001")
    assert (again.code, "already resolved" in again.err) == (1, True)
    output = tmp_path / "postmortem.md"
    assert str(output) in run("export", "INC-000001", "-o", str(output))
    assert "cleaned /tmp" in output.read_text()
    pager.kill()
    pager.wait(10)
    with_stack_down = run("export", "INC-000001")
    assert "# INC-000001: Disk is full" in with_stack_down
    assert "cleaned /tmp" in with_stack_down
    assert json.loads(run("export", "INC-000001", "--json"))["status"] == "resolved"


def test_export_says_where_it_cannot_write(shell, pager, tmp_path):
    result = shell.run("incidents", "export", "INC-000001", "-o", str(tmp_path / "none" / "x.md"))

    assert result.code == 1
    assert "cannot be written: No such file or directory." in result.err
