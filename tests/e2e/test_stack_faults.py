"""The faults that no service switches itself: each is switched on and off live, its effect seen from outside."""

import json
import socket
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509

pytestmark = pytest.mark.prove

ORDER = {"sku": "TEA-GREEN", "quantity": 1}


@pytest.fixture
def switch(running, until):
    """Switch faults on; whatever is on at the end of the test is off after it, and all is ready again."""
    used = []

    def on(fault, *options):
        used.append(fault)
        answer = running.run("fault", "on", fault, *options, f"--home={running.home}")
        assert answer.returncode == 0, answer.stderr

    def off(fault):
        answer = running.run("fault", "off", fault, f"--home={running.home}")
        assert answer.returncode == 0, answer.stderr

    on.off = off
    yield on
    for fault in used:
        off(fault)
    until(lambda: all(row["state"] == "ready" for row in running.status().values()), "all is ready")


@pytest.fixture(scope="module")
def until():
    def wait(condition, what, within_s=120.0):
        deadline = time.monotonic() + within_s
        while not (answer := condition()):
            assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
            time.sleep(0.1)
        return answer

    return wait


@pytest.fixture
def caller(running):
    with running.caller("loadgen") as client:
        yield client


def listens(running, name):
    with suppress(OSError), socket.create_connection(("127.0.0.1", running.ports[name]), timeout=2):
        return True
    return False


def place(caller, mode):
    return caller.post("/api/orders", params={"mode": mode}, json=ORDER)


def state(caller, answer):
    return caller.get(f"/api/orders/{answer.json()['id']}").json()["state"]


def asked(running, query):
    url = f"http://127.0.0.1:{running.ports['prometheus']}/api/v1/query"
    answer = httpx.get(url, params={"query": query}, trust_env=False, timeout=30)
    rows = answer.json()["data"]["result"]
    return float(rows[0]["value"][1]) if rows else 0.0


SEEN = "http_server_request_duration_seconds_count"
CHECKS = "obskit_auth_attempts_total"
ABUSE = {
    "client-flood": f'{SEEN}{{service_name="gateway", http_response_status_code="429"}}',
    "brute-force-login": f'{CHECKS}{{reason=~"bad_credentials|locked_out"}}',
    "expired-token-storm": f'{CHECKS}{{reason="expired"}}',
    "refresh-token-reuse": f'{CHECKS}{{reason="reused_refresh_token"}}',
    "random-url-scanner": f'{SEEN}{{service_name="gateway", http_route="unmatched"}}',
}


@pytest.mark.parametrize("fault", ABUSE)
def test_abuse_is_seen_while_it_lasts_and_hurts_nobody_else(running, switch, caller, until, fault):
    each_second = f"sum(rate({ABUSE[fault]}[15s]))"
    switch(fault)

    until(lambda: asked(running, each_second) > 0.2, f"Prometheus sees {fault}")
    assert place(caller, "sync").status_code == 201
    assert running.status()[f"abuse-{fault}"]["state"] == "ready"

    switch.off(fault)

    assert f"abuse-{fault}" not in running.status()
    until(lambda: asked(running, each_second) < 0.1, f"{fault} is over")


def test_async_orders_wait_for_the_broker_and_are_done_when_it_is_back(running, switch, caller, until):
    switch("broker-down")
    until(lambda: not listens(running, "nats"), "the broker is gone")

    answer = place(caller, "async")

    assert answer.status_code == 202
    assert state(caller, answer) == "pending"
    assert running.status()["nats"]["last_exit"] == "held by the fault broker-down"
    switch.off("broker-down")
    until(lambda: state(caller, answer) == "completed", "the order is done")


def test_nobody_notices_that_the_telemetry_backend_is_dead(running, switch, caller, until):
    switch("telemetry-backend-down")
    until(lambda: not listens(running, "loki"), "the store is gone")

    assert place(caller, "sync").status_code == 201
    until(
        lambda: asked(running, 'sum(increase(obskit_telemetry_dropped_total{signal="traces"}[30s])) > 0'),
        "lost spans are counted",
    )


def test_nobody_notices_that_a_gateway_is_dead(running, switch, caller, until):
    switch("dead-gateway-replica")
    until(lambda: not listens(running, "gateway-2"), "it is gone")

    answers = [caller.get("/api/products") for _ in range(40)]

    assert {answer.status_code for answer in answers} == {200}


def test_sync_orders_fail_without_inventory_and_async_ones_do_not(running, switch, caller, until):
    switch("inventory-dead")
    until(lambda: not listens(running, "inventory"), "it is gone")

    assert place(caller, "sync").status_code in {502, 503}
    answer = place(caller, "async")
    assert answer.status_code == 202
    shown = running.run("fault", "status", "--json", f"--home={running.home}")
    levels = {row["id"]: row["level"] for row in json.loads(shown.stdout)}
    assert levels["inventory-dead"] == 100
    assert levels["inventory-slow"] is None
    switch.off("inventory-dead")
    until(lambda: state(caller, answer) == "completed", "the order is done")


def test_hung_provider_takes_connections_and_answers_nobody(running, switch, caller, until):
    switch("provider-hung")

    assert listens(running, "provider")
    began = time.monotonic()
    assert place(caller, "sync").status_code in {502, 503, 504}
    assert time.monotonic() - began < 10
    answer = place(caller, "async")
    assert answer.status_code == 202
    switch.off("provider-hung")
    until(lambda: state(caller, answer) == "completed", "the order is paid")


def test_mails_wait_for_the_mail_server(running, switch, caller, until):
    sent = 'sum(notifications_mails_total{kind="order", outcome="sent"})'
    switch("mail-server-down")
    until(lambda: not listens(running, "smtp"), "it is gone")
    before = asked(running, sent)

    assert place(caller, "sync").status_code == 201
    failed = 'sum(increase(messaging_client_consumed_messages_total{service_name="notifications", error_type!=""}[15s]))'
    until(lambda: asked(running, failed), "a mail is tried in vain")

    switch.off("mail-server-down")
    until(lambda: asked(running, sent) > before, "it is sent")


def test_balancer_serves_a_certificate_that_ends_soon_and_then_its_own(running, switch, until):
    context = ssl.create_default_context(cafile=str(running.home / "secrets" / "tls" / "localhost.crt"))

    def left():
        door = ("127.0.0.1", running.ports["traefik-tls"])
        with (
            suppress(OSError),
            socket.create_connection(door, timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as served,
        ):
            found = x509.load_der_x509_certificate(served.getpeercert(binary_form=True))
            return found.not_valid_after_utc - datetime.now(UTC)
        return timedelta(0)

    switch("expiring-certificate", "--level=25")

    until(lambda: timedelta(days=9) < left() < timedelta(days=10), "the other certificate")
    until(
        lambda: 0 < asked(running, "min(traefik_tls_certs_not_after) - time()") < 10 * 86400,
        "Prometheus sees it",
    )

    switch.off("expiring-certificate")

    until(lambda: left() > timedelta(days=80), "its own again")
