"""What the gateway adds: limits, cached answers, compression, pages, fallbacks, a breaker."""

import contextlib
import gzip
import uuid

import brotli
import httpx
import pytest


def metric(fleet, name, /, service="gateway", **labels):
    """The sum of the samples of a metric that have these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    page = fleet.http.get(f"{fleet.url(service)}/metrics").text
    return sum(
        float(line.rpartition(" ")[2])
        for line in page.splitlines()
        if line.startswith(f"{name}{{") and all(label in line for label in wanted)
    )


@pytest.fixture
def get(fleet):
    def get(path, **options):
        return fleet.http.get(f"{fleet.url('gateway')}{path}", **options)

    return get


@pytest.fixture
def without(fleet):
    """Stops one service for a block, and has everything ready again after it."""

    @contextlib.contextmanager
    def without(name):
        fleet.stop(name)
        try:
            yield
        finally:
            fleet.wait_ready()

    return without


@pytest.fixture
def gateway_of(fleet, until):
    """Starts a second gateway with settings of its own and gives its address."""
    made = []

    def start(**environment):
        fleet.ports.setdefault("gateway-own", fleet.free_port())
        fleet.start("gateway-own", **environment)
        made.append("gateway-own")
        until(lambda: fleet.is_ready("gateway-own"), f"a second gateway: {fleet.output('gateway-own')}", 60)
        return fleet.url("gateway-own")

    yield start
    for name in made:
        fleet.stop(name)


def test_products_come_in_pages_that_lead_to_each_other(get):
    seen, path = [], "/api/products?limit=3"
    while path:
        answer = get(path)
        assert answer.status_code == 200
        page = answer.json()
        assert len(page["items"]) <= 3
        seen += [item["sku"] for item in page["items"]]
        link = answer.links.get("next", {}).get("url")
        assert bool(link) == bool(page["next"])
        path = link
    assert seen == sorted(set(seen))
    assert {"TEA-GREEN", "POT-SOLDOUT"} <= set(seen)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=%27%3B--", "after=a%0d%0ab"])
def test_page_that_cannot_be_is_refused(get, query):
    answer = get(f"/api/products?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"].startswith("query.")


def test_page_is_asked_for_once_while_it_is_fresh(fleet, get):
    path = "/api/products?limit=17"
    before = metric(fleet, "obskit_cache_lookups_total", outcome="hit", cache_name="products")
    first, second = get(path).json(), get(path).json()
    assert (first["source"], second["source"]) == ("inventory", "cache")
    assert first["items"] == second["items"]
    assert metric(fleet, "obskit_cache_lookups_total", outcome="hit", cache_name="products") > before


def test_stampede_on_a_cold_page_is_one_call(fleet):
    from concurrent.futures import ThreadPoolExecutor

    called = {"service": "inventory", "http_route": "/stock"}
    before = metric(fleet, "http_server_request_duration_seconds_count", **called)
    url = f"{fleet.url('gateway')}/api/products?limit=19"
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: httpx.get(url, trust_env=False, timeout=30), range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert metric(fleet, "http_server_request_duration_seconds_count", **called) == before + 1


@pytest.mark.parametrize(("coding", "unpack"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
def test_answers_are_compressed_as_the_caller_asks(fleet, coding, unpack):
    for _ in range(5):
        fleet.place("sync")
    url = f"{fleet.url('gateway')}/api/home"
    with fleet.http.stream("GET", url, headers={"Accept-Encoding": coding}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == coding
    assert "accept-encoding" in answer.headers["Vary"].lower()
    assert b"TEA-GREEN" in unpack(raw)


def test_start_page_has_its_three_parts(fleet, get):
    order_id = fleet.place("sync").json()["id"]
    page = get("/api/home").json()
    assert page["user"]["name"] == "alice"
    assert page["orders"][0]["id"] == order_id
    assert {"sku", "available", "price_cents"} == set(page["products"][0])
    assert page["degraded"] == []


def test_start_page_does_without_a_part_that_is_down(fleet, get, without):
    with without("orders"):
        page = get("/api/home").json()
        assert page["degraded"] == ["orders"]
        assert page["orders"] == []
        assert page["user"]["name"] == "alice"
        assert metric(fleet, "obskit_fallbacks_total", dependency="orders", kind="default") >= 1


def test_order_of_somebody_else_is_not_there(fleet):
    order_id = fleet.place("sync").json()["id"]
    token = fleet.log_in("bob").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{fleet.url('gateway')}/api/orders/{order_id}"
    assert fleet.http.get(url).status_code == 200
    assert fleet.http.get(url, headers=headers).status_code == 404


def test_idempotency_keys_are_each_user_s_own(fleet):
    key = str(uuid.uuid4())
    mine = fleet.place("sync", key=key).json()["id"]
    token = fleet.log_in("bob").json()["access_token"]
    theirs = fleet.place("sync", key=key, quantity=2, Authorization=f"Bearer {token}")
    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine


def test_old_page_is_given_while_inventory_is_down_and_a_new_one_after(fleet, get, without, until):
    path = "/api/products?limit=13"
    assert get(path).json()["source"] == "inventory"
    with without("inventory"):
        until(lambda: get(path).json()["source"] == "stale", "the old page, once the fresh one is over")
        unknown = get("/api/products?limit=14")
        assert unknown.status_code in {502, 503}
        assert "inventory" in unknown.json()["detail"]
        assert metric(fleet, "obskit_fallbacks_total", dependency="inventory", kind="cached") >= 1
    until(lambda: get(path).json()["source"] == "inventory", "a new page")


def test_replica_answers_while_inventory_is_down(fleet, gateway_of, until):
    fleet.ports.setdefault("inventory-dead", fleet.free_port())
    url = gateway_of(INVENTORY_URL=fleet.url("inventory-dead"), INVENTORY_REPLICA_URL=fleet.url("inventory"))
    answer = fleet.http.get(f"{url}/api/products")
    assert answer.json()["source"] == "replica"
    assert (
        metric(fleet, "obskit_fallbacks_total", service="gateway-own", dependency="inventory", kind="replica")
        == 1
    )


def test_breaker_opens_when_a_service_is_gone_and_closes_when_it_is_back(fleet, get, without, until):
    def state(name):
        return metric(fleet, "obskit_circuit_breaker_state", dependency="inventory", state=name)

    limits = iter(range(40, 100))
    with without("inventory"):
        until(lambda: (get(f"/api/products?limit={next(limits)}"), state("open"))[1] == 1, "an open breaker")
        refused = get(f"/api/products?limit={next(limits)}")
        assert refused.status_code == 503
        assert "not called again" in refused.json()["detail"]
        assert metric(fleet, "obskit_dependency_calls_total", dependency="inventory", outcome="rejected") >= 1
    until(lambda: get(f"/api/products?limit={next(limits)}").status_code == 200, "an answer")
    until(lambda: state("closed") == 1, "a closed breaker")
    fleet.wait_lines(event="breaker.opened", dependency="inventory")
    fleet.wait_lines(event="breaker.closed", dependency="inventory")


def test_retries_stop_when_their_budget_is_used_up(fleet, gateway_of):
    fleet.ports.setdefault("inventory-dead", fleet.free_port())
    url = gateway_of(INVENTORY_URL=fleet.url("inventory-dead"), GATEWAY_RATE_LIMIT="100000/second")
    calls = 60
    for number in range(calls):
        fleet.http.get(f"{url}/api/products?limit={number + 1}")
    named = {"service": "gateway-own", "dependency": "inventory"}
    retries = metric(fleet, "obskit_retry_attempts_total", **named)
    assert 0 < retries < calls, "three attempts a call would be twice as many"


def test_client_that_asks_too_often_is_told_when_to_come_back(fleet, gateway_of):
    url = gateway_of(GATEWAY_RATE_LIMIT="5/minute")
    answers = [fleet.http.get(f"{url}/api/home") for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert "5 per 1 minute" in answers[-1].json()["detail"]
    token = fleet.log_in("bob").json()["access_token"]
    bob = fleet.http.get(f"{url}/api/home", headers={"Authorization": f"Bearer {token}"})
    assert bob.status_code == 200, "another client has its own count"
    fleet.wait_lines(event="request.limited", service="gateway")


def test_gateway_that_asks_for_no_token_serves_callers_without_one(fleet, gateway_of):
    url = gateway_of(GATEWAY_AUTH="optional")
    with httpx.Client(trust_env=False, timeout=30) as nobody:
        answer = nobody.post(f"{url}/api/orders", json={"sku": "TEA-GREEN", "quantity": 1})
        assert answer.status_code == 201
        assert nobody.get(f"{url}{answer.headers['Location']}").status_code == 200
        wrong = nobody.get(f"{url}/api/home", headers={"Authorization": "Bearer x"})
        assert wrong.status_code == 401, "a token that is given must be good"
