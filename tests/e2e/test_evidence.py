"""One order's evidence: its log lines, its trace and its edges, through the stores of the stack."""

import json

import httpx
import pytest

SERVICES = {"gateway", "orders", "inventory", "payments", "notifications"}
LAST = {("orders", "process orders.reserved"), ("notifications", "process orders.ended")}
"""The spans that come last: the two ends of the order's trace."""


@pytest.fixture(scope="module")
def order(running):
    """An async order on a running stack, by the id that its caller was given."""
    with running.caller() as client:
        accepted = client.post("/api/orders?mode=async", json={"sku": "TEA-GREEN", "quantity": 1})
    assert accepted.status_code == 202
    return accepted.headers["x-request-id"]


@pytest.fixture(scope="module")
def spans(running, order):
    """The spans of the order's trace by name and service, once the last of them is there."""
    import time

    deadline = time.monotonic() + 30
    while True:
        answer = running.run("trace", order, "--json", f"--home={running.home}")
        found = {}
        if answer.returncode == 0:
            for batch in json.loads(answer.stdout)["trace"]["resourceSpans"]:
                service = next(
                    each["value"]["stringValue"]
                    for each in batch["resource"]["attributes"]
                    if each["key"] == "service.name"
                )
                for scope in batch["scopeSpans"]:
                    found |= {(service, span["name"]): span for span in scope["spans"]}
        if found.keys() >= LAST and "traefik" in {service for service, _ in found}:
            return found
        assert time.monotonic() < deadline, answer.stdout + answer.stderr


def test_consumer_spans_are_children_of_their_producers(spans):
    edges = [
        (("orders", "publish orders.created"), ("inventory", "process orders.created")),
        (("inventory", "publish orders.reserved"), ("orders", "process orders.reserved")),
    ]
    for producer, consumer in edges:
        assert spans[consumer]["parentSpanId"] == spans[producer]["spanId"]


def test_trace_goes_through_every_service(spans):
    # The first request of a gateway also fetches the keys that tokens are checked with.
    assert {service for service, _ in spans} - {"users"} == SERVICES | {"traefik"}
    assert len({span["traceId"] for span in spans.values()}) == 1


def test_log_store_has_the_lines_of_every_service_under_the_trace(running, order, wait_for):
    query = f'{{service_name=~".+"}} | trace_id="{order}"'

    def services():
        answer = running.run("logs", query, "--json", f"--home={running.home}")
        assert answer.returncode == 0, answer.stderr
        found = {json.loads(line)["labels"]["service_name"] for line in answer.stdout.splitlines()}
        return found - {"users"} == SERVICES

    wait_for(services, "lines of every service in the log store")


def test_waterfall_and_lines_are_shown_to_a_person(running, order, spans):
    shown = running.run("trace", order, f"--home={running.home}").stdout
    for expected in (
        f"{len({service for service, _ in spans})} services",
        "traefik: POST",
        "gateway: POST /api/orders",
        "inventory: process orders.created",
        "stock.decided",
    ):
        assert expected in shown


def test_prometheus_has_the_edge_over_the_broker(running, order, spans, wait_for):
    url = f"http://127.0.0.1:{running.ports['prometheus']}/api/v1/query"
    edge = 'client="orders",server="inventory",connection_type="messaging_system"'

    def seen():
        with httpx.Client(trust_env=False) as client:
            answer = client.get(url, params={"query": f"traces_service_graph_request_total{{{edge}}} > 0"})
        return answer.json()["data"]["result"]

    wait_for(seen, "the messaging edge of the service graph", within_s=30)


def test_trace_that_is_not_there_is_said_so(running, order):
    answer = running.run("trace", "f" * 32, f"--home={running.home}")
    assert answer.returncode == 1
    assert "There is no trace" in answer.stderr
