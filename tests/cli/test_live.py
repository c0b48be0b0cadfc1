"""One real stack for all tests here: NATS, Prometheus, Alertmanager, the pager and the services."""

import json
import os
import signal

import httpx
import prometheus_client
import pytest

from obskit import stack

BACK_WITHIN_S = 30.0
"""The promise is 5 s on a machine that has nothing else to do; tests share theirs."""

PROCESSES = (
    "keeper",
    "nats",
    "prometheus",
    "pager",
    "alertmanager",
    "embedded",
    "console",
    "provider",
    "smtp",
    "users",
    "payments",
    "inventory",
    "orders",
    "notifications",
    "gateway",
    "gateway-2",
    "traefik",
    "supervisor",
)


def row(live, name):
    return next(each for each in stack.status(live.home).processes if each.name == name)


def query(live, promql):
    url = f"http://127.0.0.1:{live.ports['prometheus']}/api/v1/query"
    answer = httpx.get(url, params={"query": promql}, trust_env=False).json()
    return {each["metric"].get("service_name", ""): each["value"][1] for each in answer["data"]["result"]}


def test_everything_is_ready(live):
    result = live.run("status", "--json")

    status = json.loads(result.out)
    assert result.code == 0
    assert status["ready"] is True
    assert [each["name"] for each in status["processes"]] == list(PROCESSES)


def test_prometheus_scrapes_everything_that_has_metrics(live, wait_for):
    names = {
        *("traefik", "gateway", "users", "orders", "inventory", "payments", "notifications"),
        *("console", "pager", "embedded", "prometheus", "alertmanager"),
    }

    wait_for(lambda: query(live, "up == 1").keys() == names, "every target is up")
    # The pages of the services have the label themselves; it must stay what it is.
    assert query(live, 'obskit_build_info{exported_service_name!=""}') == {}
    assert "orders" in query(live, "obskit_build_info")


def test_scrapes_a_load_generator_while_it_runs(live, wait_for):
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.Gauge("obskit_test_load", "help", ["service_name"], registry=registry).labels(
        "loadgen"
    ).set(7)
    server, thread = prometheus_client.start_http_server(live.ports["loadgen"], "127.0.0.1", registry)
    try:
        stack.add_target(live.home, "loadgen", live.ports["loadgen"])
        wait_for(lambda: query(live, "obskit_test_load") == {"loadgen": "7"}, "its metrics")
        stack.remove_target(live.home, "loadgen")
        wait_for(lambda: query(live, "obskit_test_load") == {}, "its metrics are gone")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_fault_is_turned_on_and_off(live):
    assert live.run("fault", "on", "inventory-errors", "--level", "50").code == 0
    on = {each["id"]: each for each in json.loads(live.run("fault", "status", "--json").out)}
    assert live.run("fault", "off", "inventory-errors").out == "inventory-errors is off.\n"
    off = {each["id"]: each for each in json.loads(live.run("fault", "status", "--json").out)}

    assert on["inventory-errors"] == {
        "id": "inventory-errors",
        "service": "inventory",
        "acts": "service",
        "level": 50,
        "hits": 0,
    }
    assert off["inventory-errors"]["level"] == 0


def test_test_page_goes_through_the_whole_chain(live):
    result = live.run("incidents", "test")

    assert result.code == 0, result.err
    assert "Test page: nothing is wrong" in result.out
    assert f"http://127.0.0.1:{live.ports['pager']}/incidents/INC-" in result.out
    assert "is resolved. The whole chain works." in result.out


def test_incident_is_listed_and_shown(live):
    (incident, *_) = json.loads(live.run("incidents", "list", "--status", "resolved", "--json").out)

    assert incident["title"] == "Test page: nothing is wrong"
    assert live.run("incidents", "show", incident["id"]).out.startswith(f"{incident['id']}  Test page")
    assert json.loads(live.run("incidents", "show", incident["id"], "--json").out)["id"] == incident["id"]


def test_incident_is_acknowledged_and_resolved(live):
    event = {
        "routing_key": live.home.routing_key.read_text(),
        "event_action": "trigger",
        "payload": {"summary": "Disk is full", "source": "test", "severity": "critical"},
    }
    url = f"http://127.0.0.1:{live.ports['pager']}/v2/enqueue"
    assert httpx.post(url, json=event, trust_env=False).status_code == 202
    (incident,) = json.loads(live.run("incidents", "list", "--status", "triggered", "--json").out)

    assert (
        live.run("incidents", "ack", incident["id"]).out
        == f"{incident['id']} is acknowledged: Disk is full\n"
    )
    resolved = live.run("incidents", "resolve", incident["id"], "--json")
    assert json.loads(resolved.out)["status"] == "resolved"
    assert json.loads(live.run("incidents", "list", "--status", "open", "--json").out) == []


def test_refusal_of_the_pager_is_passed_on(live):
    result = live.run("incidents", "show", "INC-999999")

    assert result.code == 1
    assert "INC-999999" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("name", PROCESSES)
def test_killed_process_is_back_and_status_says_so(live, wait_for, name):
    wait_for(lambda: stack.status(live.home).is_ready, "all are ready")
    before = row(live, name)
    os.kill(before.process.pid, signal.SIGKILL)

    def is_back():
        found = row(live, name)
        return found.state == "ready" and found.process not in {before.process, None}

    wait_for(is_back, f"{name} is back", within_s=BACK_WITHIN_S)
    assert row(live, name).restarts == before.restarts + 1


def test_down_leaves_nothing_and_incidents_can_still_be_read(live):
    result = live.run("down")

    assert result.code == 0
    assert live.running() == []
    titles = {each["title"] for each in json.loads(live.run("incidents", "list", "--json").out)}
    assert titles >= {"Disk is full", "Test page: nothing is wrong"}
    kept = json.loads(live.run("incidents", "list", "--status", "resolved", "--json").out)
    assert {each["status"] for each in kept} == {"resolved"}
    assert live.run("incidents", "show", "INC-000001").code == 0
