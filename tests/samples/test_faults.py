"""Faults are turned on and off live, leave evidence, and can be reached by their owner only."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from sample_services import faults_admin, problems
from sample_services.faults import Faults, InjectedFaultError


def test_slow_inventory_slows_sync_orders_until_it_is_turned_off(fleet):
    answer = fleet.fault("POST", "/inventory-slow", json={"level": 100})
    assert answer.json() == {"id": "inventory-slow", "level": 100, "hits": 0}
    slow = fleet.place("sync")
    assert slow.status_code == 201
    assert slow.elapsed.total_seconds() >= 0.8
    assert fleet.fault("GET").json()["faults"][0] == {"id": "inventory-slow", "level": 100, "hits": 1}
    assert fleet.fault("DELETE", "/inventory-slow").json()["level"] == 0
    fleet.place("sync")
    assert fleet.fault("GET").json()["faults"][0] == {"id": "inventory-slow", "level": 0, "hits": 0}


def test_failing_inventory_fails_sync_orders_and_only_delays_async_ones(fleet):
    before = fleet.available("CUP-GLASS")
    fleet.fault("POST", "/inventory-errors", json={"level": 100})
    failed = fleet.place("sync", sku="CUP-GLASS")
    accepted = fleet.place("async", sku="CUP-GLASS")
    assert (failed.status_code, accepted.status_code) == (502, 202)
    assert "inventory answered 500" in failed.json()["detail"]
    order_id = accepted.json()["id"]
    fleet.wait_lines(2, event="fault.injected", order_id=order_id)  # the second delivery is hit too
    assert fleet.order(order_id)["state"] == "pending"
    fleet.fault("DELETE", "/inventory-errors")
    fleet.wait_state(order_id, "completed")
    assert fleet.available("CUP-GLASS") == before - 1


def test_each_hit_leaves_a_log_event_and_a_span_attribute(fleet, until):
    fleet.fault("POST", "/inventory-errors", json={"level": 100})
    order_ids = [fleet.place("sync").json()["order_id"], fleet.place("async").json()["id"]]
    for order_id, name in zip(order_ids, ("POST /reservations", "process orders.created"), strict=True):
        line = fleet.wait_lines(event="fault.injected", order_id=order_id)[0]
        assert (line["fault"], line["service"]) == ("inventory-errors", "inventory")
        spans = until(
            lambda line=line, name=name: [
                span for span in fleet.sink.of(line["trace_id"], name) if span["service"] == "inventory"
            ],
            f"the span {name}",
        )
        assert spans[0]["attributes"]["obskit.fault"] == "inventory-errors"
        assert spans[0]["attributes"]["error.type"] == "InjectedFaultError"
    (access,) = fleet.wait_lines(event="http.request", service="inventory", order_id=order_ids[0])
    assert (access["status"], access["outcome"]) == (500, "server_error")
    assert access["exception"]["type"].endswith("InjectedFaultError")


@pytest.mark.parametrize("token", ["", "wrong", "a-token-for-the-tests-onlY"])
def test_without_the_token_nothing_is_changed_or_shown(fleet, token):
    for method, path in (("GET", ""), ("POST", "/inventory-slow"), ("DELETE", "/inventory-slow")):
        options = {"json": {"level": 100}} if method == "POST" else {}
        answer = fleet.fault(method, path, token=token, **options)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert fleet.token not in answer.text
    assert all(fault["level"] == 0 for fault in fleet.fault("GET").json()["faults"])


def test_unknown_fault_and_unknown_level_are_refused_with_what_is_accepted(fleet):
    unknown = fleet.fault("POST", "/inventory-late", json={"level": 100})
    assert unknown.status_code == 404
    assert "it has: inventory-slow, inventory-errors" in unknown.json()["detail"]
    level = fleet.fault("POST", "/inventory-slow", json={"level": 33})
    assert level.status_code == 422
    assert "use 10, 25, 50, 100" in level.json()["detail"]
    assert fleet.fault("POST", "/inventory-slow", json={}).status_code == 422
    elsewhere = fleet.fault("POST", "/inventory-slow", service="gateway", json={"level": 100})
    assert elsewhere.status_code == 404


def answer_of(token, client, *, path="/admin/faults"):
    app = FastAPI()
    problems.install(app)
    faults_admin.install(app, Faults("inventory"), token)

    async def ask():
        transport = httpx.ASGITransport(app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://inventory") as http:
            return await http.get(path, headers={"Authorization": f"Bearer {token}"})

    return asyncio.run(ask())


def test_without_a_token_file_there_is_no_route():
    assert answer_of(None, "127.0.0.1").status_code == 404


@pytest.mark.parametrize(
    ("client", "status"),
    [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("10.0.0.7", 403),
        ("fe80::1", 403),
        ("proxy", 403),
    ],
)
def test_only_this_machine_may_ask(client, status):
    assert answer_of("a-token-for-this-test", client).status_code == status


def hits(level, operations=2000):
    faults = Faults("inventory")

    async def operate():
        await faults.turn_on("inventory-errors", level)
        taken = []
        for _ in range(operations):
            try:
                await faults.at("reserve")
                taken.append(False)
            except InjectedFaultError:
                taken.append(True)
        return taken

    return asyncio.run(operate())


@pytest.mark.parametrize("level", [10, 25, 50, 100])
def test_level_is_the_share_of_operations_that_are_hit(level, captured):
    taken = hits(level)
    assert abs(sum(taken) / len(taken) - level / 100) < 0.03
    assert taken == hits(level), "the same operations each time it is on"


def test_fault_acts_at_its_own_point_only(captured):
    faults = Faults("inventory")

    async def operate():
        await faults.turn_on("inventory-errors", 100)
        await faults.at("release")

    asyncio.run(operate())
    assert faults.status("inventory-errors")["hits"] == 0
