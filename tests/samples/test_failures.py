"""What callers see when a part is away, and that nothing is lost or done twice."""

import asyncio
import json
import signal
import sqlite3
import time
import uuid

import nats
import pytest


@pytest.fixture
def publish(fleet):
    """Hand a message to the broker as another client of it."""

    def run(subject, body, message_id):
        async def send():
            client = await nats.connect(fleet.url("nats"))
            headers = {"Nats-Msg-Id": message_id}
            await client.jetstream().publish(subject, json.dumps(body).encode(), headers=headers)
            await client.close()

        asyncio.run(send())

    return run


def test_inventory_down_fails_sync_orders_and_delays_async_ones(fleet):
    before = fleet.available("CUP-GLASS")
    fleet.stop("inventory")
    failed = fleet.place("sync", sku="CUP-GLASS", quantity=5)
    accepted = fleet.place("async", sku="CUP-GLASS", quantity=7)
    assert failed.status_code == 502
    problem = failed.json()
    assert problem["title"] == "Bad Gateway"
    assert "inventory could not be reached (ConnectError)" in problem["detail"]
    assert fleet.order(problem["order_id"])["state"] == "failed"
    assert accepted.status_code == 202
    assert fleet.order(accepted.json()["id"])["state"] == "pending"
    assert fleet.is_ready("orders")

    fleet.wait_ready()
    fleet.wait_state(accepted.json()["id"], "completed")
    assert fleet.available("CUP-GLASS") == before - 7


def test_killed_inventory_takes_up_its_messages_again(fleet, until):
    before = fleet.available("CUP-GLASS")
    fleet.fault("POST", "/inventory-errors", json={"level": 100})
    accepted = [fleet.place("async", sku="CUP-GLASS").json()["id"] for _ in range(10)]
    fleet.stop("inventory", signal.SIGKILL)
    fleet.wait_ready()
    for order_id in accepted:
        fleet.wait_state(order_id, "completed")
    assert fleet.available("CUP-GLASS") == before - 10


def test_failed_order_can_never_reserve_stock_later(fleet, until):
    fleet.stop("inventory")
    order_id = fleet.place("sync", sku="CUP-GLASS").json()["order_id"]
    fleet.wait_ready()
    fleet.wait_lines(event="stock.released", order_id=order_id)
    before = fleet.available("CUP-GLASS")
    late = {"order_id": order_id, "sku": "CUP-GLASS", "quantity": 1}
    answer = fleet.http.post(f"{fleet.url('inventory')}/reservations", json=late)
    assert answer.status_code == 409
    assert answer.json()["reason"] == "order_failed"
    assert fleet.available("CUP-GLASS") == before


def test_stock_of_an_order_that_failed_afterwards_is_given_back_once(fleet, publish, until):
    order_id = str(uuid.uuid4())
    before = fleet.available("CUP-GLASS")
    body = {"order_id": order_id, "sku": "CUP-GLASS", "quantity": 4}
    assert fleet.http.post(f"{fleet.url('inventory')}/reservations", json=body).status_code == 201
    assert fleet.available("CUP-GLASS") == before - 4
    for attempt in range(2):
        publish("orders.failed", {"order_id": order_id}, f"{order_id}:failed:{attempt}")
    fleet.wait_lines(2, event="stock.released", order_id=order_id)
    assert fleet.available("CUP-GLASS") == before


def test_retry_with_the_key_of_a_failed_order_is_a_new_attempt(fleet):
    key = str(uuid.uuid4())
    fleet.stop("inventory")
    first = fleet.place("sync", key=key)
    fleet.wait_ready()
    second = fleet.place("sync", key=key)
    assert (first.status_code, second.status_code) == (502, 201)
    assert first.json()["order_id"] != second.json()["id"]


def test_orders_down_is_a_bad_gateway_and_the_gateway_stays_ready(fleet):
    fleet.stop("orders")
    answer = fleet.place("async")
    assert answer.status_code == 502
    assert "orders could not be reached" in answer.json()["detail"]
    assert fleet.is_ready("gateway")


def test_broker_down_refuses_async_orders_at_once_and_leaves_sync_ones(fleet, until):
    before = fleet.available("CUP-GLASS")
    fleet.stop("nats")
    until(lambda: not fleet.is_ready("orders"), "orders not ready without its broker")
    refused = fleet.place("async", sku="CUP-GLASS")
    assert refused.status_code == 503
    assert fleet.order(refused.json()["order_id"])["state"] == "failed"
    assert fleet.place("sync", sku="CUP-GLASS").status_code == 201

    fleet.wait_ready()
    accepted = fleet.place("async", sku="CUP-GLASS", quantity=2).json()["id"]
    fleet.wait_state(accepted, "completed")
    fleet.wait_lines(event="stock.released", order_id=refused.json()["order_id"])
    assert fleet.available("CUP-GLASS") == before - 3


def test_services_start_without_the_broker_and_join_it_later(fleet, until):
    for name in ("orders", "inventory", "nats"):
        fleet.stop(name)
    fleet.start("orders")
    fleet.start("inventory")
    until(lambda: fleet.is_alive("orders"), "orders alive")
    assert not fleet.is_ready("orders")
    fleet.wait_ready()
    fleet.wait_state(fleet.place("async").json()["id"], "completed")


def test_order_of_a_process_that_died_before_its_event_is_completed(fleet):
    order_id = str(uuid.uuid4())
    now = time.time()
    row = (order_id, "TEA-GREEN", 1, "async", "pending", now - 60, now - 60, now - 1)
    columns = "id, sku, quantity, mode, state, created_at, updated_at, event_due_at"
    with sqlite3.connect(fleet.home / "data" / "orders.db", timeout=5) as database:
        database.execute(f"INSERT INTO orders ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    database.close()
    fleet.wait_state(order_id, "completed")


def test_repeated_message_and_repeated_request_reserve_once(fleet, publish):
    order_id = str(uuid.uuid4())
    before = fleet.available("CUP-GLASS")
    body = {"order_id": order_id, "sku": "CUP-GLASS", "quantity": 2}
    for attempt in range(3):  # other message ids, so that it is not the broker who drops them
        publish("orders.created", body, f"{order_id}:{attempt}")
    fleet.wait_lines(3, event="stock.decided", order_id=order_id)
    answers = [fleet.http.post(f"{fleet.url('inventory')}/reservations", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert fleet.available("CUP-GLASS") == before - 2


def test_message_that_can_never_be_handled_is_not_delivered_again(fleet, publish):
    message_id = str(uuid.uuid4())
    publish("orders.created", {"order_id": "not-an-id"}, message_id)
    (line,) = fleet.wait_lines(
        event="message.failed", service="inventory", destination="orders.created", delivery=1
    )[-1:]
    assert line["exception"]["type"].endswith("PoisonMessageError")
    # A message behind it is handled, and the first one has not come again.
    fleet.wait_state(fleet.place("async").json()["id"], "completed")
    again = [line for line in fleet.lines(event="message.failed", delivery=2) if "order_id" in str(line)]
    assert again == []
