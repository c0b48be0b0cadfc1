"""Each order is charged once, through a provider that fails now and then."""

import uuid

import pytest

WELL = {"delay_s": 0.01, "slow_share": 0.0, "slow_s": 0.1, "error_share": 0.0}


@pytest.fixture
def provider(fleet):
    """Sets how the provider behaves, until the end of the test."""

    def behave(**change):
        url = f"{fleet.url('provider')}/behaviour"
        answer = fleet.http.put(url, json=WELL | change, headers={"Authorization": f"Bearer {fleet.token}"})
        assert answer.status_code == 200, answer.text

    behave()
    yield behave
    behave(error_share=0.02)


@pytest.fixture
def charge(fleet):
    def charge(cents=500, order_id=None):
        body = {"order_id": order_id or str(uuid.uuid4()), "amount_cents": cents}
        return fleet.http.post(f"{fleet.url('payments')}/charges", json=body)

    return charge


def breaker_is(fleet, state):
    page = fleet.http.get(f"{fleet.url('payments')}/metrics").text
    line = (
        f'obskit_circuit_breaker_state{{dependency="provider",service_name="payments",state="{state}"}} 1.0'
    )
    return line in page


def test_order_is_charged_its_price(fleet, provider):
    order = fleet.place("sync", sku="MUG-BLUE", quantity=2).json()
    charge = fleet.http.get(f"{fleet.url('payments')}/charges/{order['id']}").json()
    assert (charge["amount_cents"], charge["state"]) == (2580, "paid")
    assert charge["reference"].startswith("ch_")


def test_async_order_is_charged_before_it_is_completed(fleet, provider):
    order_id = fleet.place("async", sku="POT-CLAY").json()["id"]
    fleet.wait_state(order_id, "completed")
    charge = fleet.http.get(f"{fleet.url('payments')}/charges/{order_id}").json()
    assert (charge["amount_cents"], charge["state"]) == (3490, "paid")


def test_declined_payment_rejects_the_order_and_gives_the_stock_back(fleet, provider, until):
    before = fleet.available("CUP-DECLINED")
    answer = fleet.place("sync", sku="CUP-DECLINED")
    assert answer.status_code == 402
    assert answer.json()["reason"] == "card_declined"
    order_id = fleet.place("async", sku="CUP-DECLINED").json()["id"]
    fleet.wait_state(order_id, "rejected")
    until(lambda: fleet.available("CUP-DECLINED") == before, "the stock back")


def test_charge_is_made_once_however_often_it_is_asked(charge, provider):
    order_id = str(uuid.uuid4())
    answers = [charge(order_id=order_id) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["reference"] for answer in answers}) == 1


def test_charge_of_another_amount_is_refused(charge, provider):
    order_id = str(uuid.uuid4())
    charge(500, order_id)
    answer = charge(501, order_id)
    assert answer.status_code == 422
    assert "500 cents" in answer.json()["detail"]


def test_provider_that_fails_now_and_then_fails_no_order(fleet, provider):
    provider(error_share=0.2)
    statuses = [fleet.place("sync").status_code for _ in range(20)]
    assert statuses.count(201) >= 18, "0.2 of the calls fail, 0.008 three times in a row"
    fleet.wait_lines(event="retry.scheduled", dependency="provider")


def test_provider_that_is_down_opens_the_breaker_and_fails_sync_orders_only(fleet, provider, charge, until):
    provider(error_share=1.0)
    until(lambda: (charge(), breaker_is(fleet, "open"))[1], "an open breaker")
    answer = fleet.place("sync")
    assert answer.status_code in {502, 503}
    assert answer.json()["order_id"]
    accepted = fleet.place("async")
    assert accepted.status_code == 202
    provider(error_share=0.0)
    fleet.wait_state(accepted.json()["id"], "completed")
    until(lambda: charge().status_code == 201, "a charge")
    assert breaker_is(fleet, "closed")


def test_failed_payment_gives_the_stock_back(fleet, provider, until):
    before = fleet.available("CUP-GLASS")
    provider(error_share=1.0)
    assert fleet.place("sync", sku="CUP-GLASS").status_code in {502, 503}
    provider()
    until(lambda: fleet.available("CUP-GLASS") == before, "the stock back")


def test_behaviour_of_the_provider_wants_the_token(fleet, provider):
    url = f"{fleet.url('provider')}/behaviour"
    assert fleet.http.put(url, json=WELL).status_code == 401
    headers = {"Authorization": f"Bearer {fleet.token}"}
    assert fleet.http.put(url, json=WELL | {"error_share": 2}, headers=headers).status_code == 422


def test_failed_order_is_paid_back_and_never_charged_later(fleet, provider, charge, until):
    provider(delay_s=1.0)  # slower than payments waits: it is charged, and nobody hears of it
    answer = fleet.place("sync")
    assert answer.status_code in {502, 503, 504}
    order_id = answer.json()["order_id"]
    provider()
    url = f"{fleet.url('payments')}/charges/{order_id}"
    until(lambda: fleet.http.get(url).json()["state"] == "given_up", "the charge given up")
    fleet.wait_lines(event="payment.given_up", order_id=order_id)
    assert charge(690, order_id).status_code == 409
    asked = {"json": {"amount_cents": 690}, "headers": {"Idempotency-Key": order_id}}
    assert fleet.http.post(f"{fleet.url('provider')}/charges", **asked).json() == {"error": "refunded"}
