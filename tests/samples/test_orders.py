"""One order through all services, the synchronous and the asynchronous way."""

import uuid


def test_sync_order_is_completed_when_it_is_answered(fleet):
    before = fleet.available("CUP-GLASS")
    answer = fleet.place("sync", sku="CUP-GLASS", quantity=3)
    assert answer.status_code == 201
    order = answer.json()
    assert order["state"] == "completed"
    assert (order["sku"], order["quantity"], order["mode"]) == ("CUP-GLASS", 3, "sync")
    assert answer.headers["Location"] == f"/api/orders/{order['id']}"
    assert fleet.order(order["id"]) == order
    assert fleet.available("CUP-GLASS") == before - 3


def test_async_order_is_accepted_first_and_completed_later(fleet):
    before = fleet.available("CUP-GLASS")
    answer = fleet.place("async", sku="CUP-GLASS", quantity=2)
    assert answer.status_code == 202
    order = answer.json()
    assert order["state"] == "pending"
    assert answer.headers["Location"] == f"/api/orders/{order['id']}"
    fleet.wait_state(order["id"], "completed")
    assert fleet.available("CUP-GLASS") == before - 2


def test_sync_order_without_stock_is_a_conflict_and_stored_as_rejected(fleet):
    answer = fleet.place("sync", sku="POT-SOLDOUT")
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 409
    assert problem["title"] == "Conflict"
    assert problem["detail"] == "1 of POT-SOLDOUT cannot be had: out_of_stock."
    assert fleet.order(problem["order_id"])["state"] == "rejected"


def test_async_order_without_stock_ends_rejected(fleet):
    order_id = fleet.place("async", sku="POT-SOLDOUT").json()["id"]
    fleet.wait_state(order_id, "rejected")
    assert fleet.order(order_id)["reason"] == "out_of_stock"


def test_unknown_sku_is_rejected_with_its_own_reason(fleet):
    assert fleet.place("sync", sku="TEA-PURPLE").json()["reason"] == "unknown_sku"


def test_idempotency_key_places_one_order_however_often_it_is_sent(fleet):
    for mode, status in (("sync", 201), ("async", 202)):
        key = str(uuid.uuid4())
        answers = [fleet.place(mode, key=key) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [status] * 3
        assert len({answer.json()["id"] for answer in answers}) == 1


def test_idempotency_key_of_another_order_is_refused(fleet):
    key = str(uuid.uuid4())
    fleet.place("sync", key=key, quantity=1)
    answer = fleet.place("sync", key=key, quantity=2)
    assert answer.status_code == 422
    assert "use a new key" in answer.json()["detail"]


def test_wrong_input_is_refused_with_what_is_wrong(fleet):
    url = f"{fleet.url('gateway')}/api/orders"
    cases = [
        ({"json": {"sku": "TEA-GREEN", "quantity": 0}}, 422, "body.quantity"),
        ({"json": {"sku": "TEA-GREEN", "quantity": "2"}}, 422, "body.quantity"),
        ({"json": {"sku": "tea; DROP TABLE", "quantity": 1}}, 422, "body.sku"),
        ({"json": {"sku": "TEA-GREEN"}}, 422, "body.quantity"),
        ({"json": {"sku": "TEA-GREEN", "quantity": 1, "price": 0}}, 422, "body.price"),
        ({"json": {"sku": "TEA-GREEN", "quantity": 1}, "params": {"mode": "later"}}, 422, "query.mode"),
        (
            {"json": {"sku": "TEA-GREEN", "quantity": 1}, "headers": {"Idempotency-Key": "a b"}},
            422,
            "Idempotency-Key",
        ),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "body"),
    ]
    for request, status, where in cases:
        answer = fleet.http.post(url, **request)
        assert answer.status_code == status, request
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert where in answer.json()["detail"], request


def test_unknown_order_and_unknown_path_are_problems_too(fleet):
    for path, status in ((f"/api/orders/{uuid.uuid4()}", 404), ("/api/orders/7", 422), ("/nowhere", 404)):
        answer = fleet.http.get(f"{fleet.url('gateway')}{path}")
        assert answer.status_code == status
        assert answer.json()["status"] == status
