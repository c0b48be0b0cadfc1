"""What the commands do with a stack that runs: it is asked, broken, paged for and mended."""

import json
import os
import signal
from contextlib import contextmanager

import httpx
import prometheus_client
import pytest

from obskit import stack
from obskit.cli._doctor import examine_stack

PROCESSES = [
    *("keeper", "nats", "prometheus", "pager", "alertmanager", "embedded", "console", "provider", "smtp"),
    *("users", "payments", "inventory", "orders", "notifications", "gateway", "gateway-2", "traefik"),
    "supervisor",
]


@pytest.fixture(scope="module")
def typed(running):
    """Type ``obskit`` in this stack's home."""

    def run(*arguments):
        return running.run(*arguments, f"--home={running.home}")

    return run


def test_everything_is_ready(typed):
    answer = typed("status", "--json")

    status = json.loads(answer.stdout)
    assert answer.returncode == 0
    assert status["ready"] is True
    assert [each["name"] for each in status["processes"]] == PROCESSES


def test_prometheus_scrapes_everything_that_has_metrics(running, wait_for):
    names = {
        *("traefik", "gateway", "users", "orders", "inventory", "payments", "notifications"),
        *("console", "pager", "embedded", "prometheus", "alertmanager"),
    }

    wait_for(lambda: running.query("up == 1").keys() == names, "every target is up")
    # The pages of the services have the label themselves; it must stay what it is.
    assert running.query('obskit_build_info{exported_service_name!=""}') == {}
    assert "orders" in running.query("obskit_build_info")


def test_scrapes_a_load_generator_while_it_runs(running, wait_for):
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.Gauge("obskit_test_load", "help", ["service_name"], registry=registry).labels(
        "loadgen"
    ).set(7)
    server, thread = prometheus_client.start_http_server(running.ports["loadgen"], "127.0.0.1", registry)
    home = stack.Home.at(running.home)
    try:
        stack.add_target(home, "loadgen", running.ports["loadgen"])
        wait_for(lambda: running.query("obskit_test_load") == {"loadgen": "7"}, "its metrics")
        stack.remove_target(home, "loadgen")
        wait_for(lambda: running.query("obskit_test_load") == {}, "its metrics are gone")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_fault_is_turned_on_and_off(typed):
    assert typed("fault", "on", "inventory-errors", "--level", "50").returncode == 0
    on = {each["id"]: each for each in json.loads(typed("fault", "status", "--json").stdout)}
    assert typed("fault", "off", "inventory-errors").stdout == "inventory-errors is off.\n"
    off = {each["id"]: each for each in json.loads(typed("fault", "status", "--json").stdout)}

    assert on["inventory-errors"] == {
        "id": "inventory-errors",
        "service": "inventory",
        "acts": "service",
        "level": 50,
        "hits": 0,
    }
    assert off["inventory-errors"]["level"] == 0


def test_test_page_goes_through_the_whole_chain_and_is_listed_and_shown(running, typed):
    title = "Test page: nothing is wrong"
    answer = typed("incidents", "test")

    assert answer.returncode == 0, answer.stderr
    assert title in answer.stdout
    assert f"http://127.0.0.1:{running.ports['pager']}/incidents/INC-" in answer.stdout
    assert "is resolved. The whole chain works." in answer.stdout
    listed = json.loads(typed("incidents", "list", "--status", "resolved", "--json").stdout)
    (key,) = [each["id"] for each in listed if each["title"] == title]
    assert typed("incidents", "show", key).stdout.startswith(f"{key}  Test page")
    assert json.loads(typed("incidents", "show", key, "--json").stdout)["id"] == key


def test_incident_is_acknowledged_and_resolved(running, typed):
    event = {
        "routing_key": (running.home / "secrets" / "routing_key").read_text(),
        "event_action": "trigger",
        "payload": {"summary": "Disk is full", "source": "test", "severity": "critical"},
    }

    def listed(status):
        rows = json.loads(typed("incidents", "list", "--status", status, "--json").stdout)
        return [row["id"] for row in rows if row["title"] == "Disk is full"]

    url = f"http://127.0.0.1:{running.ports['pager']}/v2/enqueue"
    assert httpx.post(url, json=event, trust_env=False).status_code == 202
    (key,) = listed("triggered")

    assert typed("incidents", "ack", key).stdout == f"{key} is acknowledged: Disk is full\n"
    resolved = typed("incidents", "resolve", key, "--json")
    assert json.loads(resolved.stdout)["status"] == "resolved"
    assert listed("open") == []


def test_refusal_of_the_pager_is_passed_on(typed):
    answer = typed("incidents", "show", "INC-999999")

    assert answer.returncode == 1
    assert "INC-999999" in answer.stderr
    assert "Traceback" not in answer.stderr


@contextmanager
def frozen(process):
    """It is there, and answers nobody."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def test_doctor_names_the_link_that_is_broken_and_none_else(running, typed, wait_for):
    def broken():
        found = examine_stack(stack.Home.at(running.home))
        return {each.check: each for each in found if each.state != "ok"}

    wait_for(lambda: broken() == {}, "every link holds", within_s=120)
    assert typed("doctor").returncode == 0

    with frozen(running.row("alertmanager").process):
        link = wait_for(lambda: broken().get("rules -> alertmanager"), "the link is named", within_s=120)
        assert link.state == "fail"
        assert link.fix
        assert set(broken()) <= {"rules -> alertmanager", "processes", "alertmanager -> scrape"}
        assert typed("doctor").returncode == 1
    wait_for(lambda: broken() == {}, "every link holds again", within_s=120)
