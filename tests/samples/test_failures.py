"""What callers see when a part is away, and that nothing is lost or done twice."""

import asyncio
import json
import signal
import sqlite3
import time
import uuid
from contextlib import closing

import httpx
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


def test_broker_down_delays_async_orders_and_leaves_sync_ones(fleet, until):
    before = fleet.available("CUP-GLASS")
    fleet.stop("nats")
    accepted = fleet.place("async", sku="CUP-GLASS", quantity=2)
    assert accepted.status_code == 202
    order_id = accepted.json()["id"]
    assert fleet.place("sync", sku="CUP-GLASS").status_code == 201
    assert fleet.is_ready("orders")
    fleet.wait_lines(event="outbox.stalled", service="orders")
    assert fleet.order(order_id)["state"] == "pending"

    fleet.wait_ready()
    fleet.wait_state(order_id, "completed")
    assert fleet.available("CUP-GLASS") == before - 3


def test_event_published_late_goes_on_with_the_trace_of_its_request(fleet, until):
    trace_id = uuid.uuid4().hex
    fleet.stop("nats")
    accepted = fleet.place("async", traceparent=f"00-{trace_id}-00f067aa0ba902b7-01")
    fleet.wait_ready()
    fleet.wait_state(accepted.json()["id"], "completed")
    steps = ("publish orders.created", "process orders.created", "process orders.reserved")
    for step in steps:
        until(lambda step=step: fleet.sink.of(trace_id, step), f"{step} in the trace of the request")
    # The first attempts met no broker; the last one is the parent of the consumer.
    (processed,) = fleet.sink.of(trace_id, "process orders.created")
    published = {span["spanId"]: span for span in fleet.sink.of(trace_id, "publish orders.created")}
    request = next(
        span
        for span in fleet.sink.of(trace_id, "POST /orders")
        if span["kind"] == 2 and span["service"] == "orders"
    )
    assert published[processed["parentSpanId"]]["parentSpanId"] == request["spanId"]


def test_services_start_without_the_broker_and_join_it_later(fleet, until):
    for name in ("orders", "inventory", "nats"):
        fleet.stop(name)
    fleet.start("orders")
    fleet.start("inventory")
    until(lambda: fleet.is_ready("orders"), "orders takes orders without the broker")
    until(lambda: fleet.is_alive("inventory"), "inventory alive")
    assert not fleet.is_ready("inventory")
    fleet.wait_ready()
    fleet.wait_state(fleet.place("async").json()["id"], "completed")


def test_event_of_a_process_that_died_before_publishing_is_published(fleet, until):
    order_id, now = str(uuid.uuid4()), time.time()
    order = (order_id, "TEA-GREEN", 1, "async", "pending", now, now)
    body = json.dumps({"order_id": order_id, "sku": "TEA-GREEN", "quantity": 1})
    event = (f"{order_id}:created", "orders.created", body, "{}", now, now, 0)
    with sqlite3.connect(fleet.home / "data" / "orders.db", timeout=30) as database:
        columns = "id, sku, quantity, mode, state, created_at, updated_at"
        database.execute(f"INSERT INTO orders ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", order)
        columns = "message_id, subject, body, headers, created_at, due_at, times"
        database.execute(f"INSERT INTO outbox ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", event)
    database.close()
    until(lambda: at_orders(fleet, order_id)["state"] == "completed", "the order is completed")


def test_sync_order_whose_process_died_is_completed_the_other_way(fleet, until):
    fleet.fault("POST", "/inventory-slow", json={"level": 100})
    key = str(uuid.uuid4())
    with pytest.raises(httpx.TimeoutException):
        fleet.http.post(
            f"{fleet.url('orders')}/orders?mode=sync",
            json={"sku": "TEA-GREEN", "quantity": 1},
            headers={"Idempotency-Key": key},
            timeout=httpx.Timeout(5, read=0.3),
        )
    fleet.stop("orders", signal.SIGKILL)
    fleet.fault("DELETE", "/inventory-slow")
    with closing(sqlite3.connect(fleet.home / "data" / "orders.db", timeout=30)) as database, database:
        (order_id,) = database.execute("SELECT id FROM orders WHERE idempotency_key = ?", (key,)).fetchone()
        # The event is due 15 s after the order: not waited for here.
        database.execute("UPDATE outbox SET due_at = 0 WHERE message_id = ?", (f"{order_id}:created",))
    fleet.wait_ready()
    until(lambda: at_orders(fleet, order_id)["state"] == "completed", "the order is completed")


def at_orders(fleet, order_id):
    """Ask its owner for an order that belongs to no user."""
    return fleet.http.get(f"{fleet.url('orders')}/orders/{order_id}").json()


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
    (given_up,) = fleet.wait_lines(event="message.dead_lettered", service="inventory", reason="poison")
    assert given_up["delivery"] == 1
    (line,) = fleet.wait_lines(event="message.failed", trace_id=given_up["trace_id"])
    assert line["exception"]["type"].endswith("PoisonMessageError")
    # A message behind it is handled, and the first one has not come again.
    fleet.wait_state(fleet.place("async").json()["id"], "completed")
    again = fleet.lines(event="message.failed", delivery=2)
    assert [line for line in again if line["exception"]["type"].endswith("PoisonMessageError")] == []
    page = fleet.http.get(f"{fleet.url('inventory')}/metrics").text
    dead = 'obskit_messaging_dead_letters_total{messaging_destination_name="orders.created",reason="poison"'
    assert dead in page.replace('service_name="inventory",', "")
    assert {"order_id": "not-an-id"} in fleet.dead_letters("inventory", "orders.created")
