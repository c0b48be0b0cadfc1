"""Each fault of a service is switched on live, seen from outside with its evidence, and ends when switched off."""

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest

from sample_services.faults import load

ROWS = {fault.id: fault for fault in load() if fault.acts == "service"}
ELSEWHERE = {"inventory-slow", "inventory-errors"}
"""In ``test_faults.py``."""


@pytest.fixture(scope="module")
def mailing(running_fleet, until):
    """The fleet with notifications and a mail provider."""
    running_fleet.wait_ready()
    for name in ("smtp", "notifications"):
        if not running_fleet.is_running(name):
            running_fleet.forget(name)
            running_fleet.start(name)
    until(lambda: running_fleet.is_ready("notifications"), "notifications ready")
    return running_fleet


def home(fleet):
    return fleet.http.get(f"{fleet.url('gateway')}/api/home").json()


def total(fleet, service, name, **labels):
    return sum(fleet.samples(service, name, **labels))


def added(fleet, service, name, act, **labels):
    """Return what *act* adds to a counter."""
    before = total(fleet, service, name, **labels)
    act()
    return total(fleet, service, name, **labels) - before


def a_second():
    time.sleep(1)


def order_some(fleet):
    while len(home(fleet)["orders"]) < 20:
        fleet.place("async")


def index_names(fleet):
    with closing(sqlite3.connect(fleet.home / "data" / "orders.db", timeout=30)) as database:
        return {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}


def payments_slow(fleet):
    return fleet.place("sync").elapsed.total_seconds() >= 0.6


def orders_fail(fleet):
    return fleet.place("sync").status_code >= 500


def users_errors(fleet):
    return home(fleet)["degraded"] == ["users"]


def retry_storm(fleet):
    def order():
        for _ in range(6):
            fleet.place("sync")

    # One call in fifty is repeated when all is well.
    return added(fleet, "payments", "obskit_retry_attempts_total", order, dependency="provider") >= 3


def pool_exhausted(fleet):
    used = total(fleet, "users", "db_client_connection_count", db_client_connection_state="used")
    fleet.http.get(f"{fleet.url('users')}/readyz")  # somebody has to ask for a connection, and wait
    return used >= total(fleet, "users", "db_client_connection_max")


def missing_index(fleet):
    order_some(fleet)
    slow = added(
        fleet,
        "orders",
        "obskit_db_slow_queries_total",
        lambda: home(fleet),
        db_collection_name="orders",
        db_operation_name="SELECT",
    )
    return "order_notes_order" not in index_names(fleet) and slow > 0


def n_plus_one(fleet):
    order_some(fleet)
    name = "obskit_db_queries_per_request_sum"
    return added(fleet, "orders", name, lambda: home(fleet), http_route="/orders") >= 10


def stuck_consumer(fleet):
    order_id = fleet.place("async").json()["id"]
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        if fleet.order(order_id)["state"] == "completed":
            return False
    return True


def poison_message(fleet):
    name = "obskit_messaging_dead_letters_total"
    return added(fleet, "inventory", name, a_second, reason="poison") > 0


def cold_cache(fleet):
    def source():
        return fleet.http.get(f"{fleet.url('gateway')}/api/products?limit=7").json()["source"]

    source()
    return source() == "inventory"


def job(fleet, name):
    return total(fleet, "orders", f"obskit_job_{name}", job_name="orders-report")


def job_missed(fleet):
    return time.time() - job(fleet, "last_success_timestamp_seconds") > 3


def job_failing(fleet):
    labels = {"job_name": "orders-report", "outcome": "failed"}
    return added(fleet, "orders", "obskit_job_runs_total", a_second, **labels) > 0


def job_overlong(fleet):
    return job(fleet, "in_progress") == 1 and time.time() - job(fleet, "started_timestamp_seconds") > 3


def throttled(fleet):
    def order():
        for _ in range(3):
            fleet.place("sync")

    return added(fleet, "notifications", "notifications_mails_throttled_total", order) > 0


def blocked_event_loop(fleet):
    times = [fleet.http.get(f"{fleet.url('notifications')}/livez").elapsed for _ in range(5)]
    return max(times).total_seconds() > 0.4


def log_flood(fleet):
    return added(fleet, "notifications", "obskit_log_records_total", a_second) > 100


PROBES = {
    "payments-slow": payments_slow,
    "payments-errors": orders_fail,
    "users-errors": users_errors,
    "retry-storm": retry_storm,
    "database-locked": orders_fail,
    "database-down": orders_fail,
    "pool-exhausted": pool_exhausted,
    "missing-index": missing_index,
    "n-plus-one": n_plus_one,
    "stuck-consumer": stuck_consumer,
    "poison-message": poison_message,
    "throttled-mail-provider": throttled,
    "cold-cache": cold_cache,
    "job-missed": job_missed,
    "job-failing": job_failing,
    "job-overlong": job_overlong,
    "blocked-event-loop": blocked_event_loop,
    "log-flood": log_flood,
}
"""What tells from outside whether a fault acts."""
QUICK = {
    "payments-slow",
    "payments-errors",
    "users-errors",
    "retry-storm",
    "database-down",
    "missing-index",
    "n-plus-one",
    "cold-cache",
}
"""The others wait for seconds by their nature, or for one more service."""
MEASURED = [pytest.param(name, marks=() if name in QUICK else pytest.mark.prove) for name in PROBES]


def has_line(fleet, row, since):
    for line in fleet.lines(event=row.log_event, **row.log_fields):
        is_own = row.log_event != "fault.injected" or line["fault"] == row.id
        is_fresh = datetime.fromisoformat(line["timestamp"]) >= since
        if is_own and is_fresh and line["service"] == (row.seen_in or row.service):
            return True
    return False


def has_span(fleet, row, since):
    value = row.id if row.span_attribute == "obskit.fault" else row.span_value
    for span in list(fleet.sink.spans):
        found = span["attributes"].get(row.span_attribute)
        is_right = found is not None if value is None else found == value
        is_fresh = int(span["endTimeUnixNano"]) >= since.timestamp() * 1e9
        if is_right and is_fresh and span["service"] == (row.seen_in or row.service):
            return True
    return False


def test_every_service_row_is_measured():
    assert PROBES.keys() | ELSEWHERE | {"memory-leak"} == ROWS.keys()


@pytest.mark.parametrize("fault_id", MEASURED)
def test_fault_acts_leaves_evidence_and_ends(request, fleet, until, fault_id):
    row, probe = ROWS[fault_id], PROBES[fault_id]
    if row.service == "notifications":
        request.getfixturevalue("mailing")
    until(lambda: not probe(fleet), f"{fault_id}: all is well before it")
    since = datetime.now(UTC)
    answer = fleet.fault("POST", f"/{row.id}", service=row.service, json={"level": 100})
    assert answer.status_code == 200, answer.text
    until(lambda: probe(fleet), f"{fault_id}: it is seen")

    def proven(evidence):
        return evidence(fleet, row, since) or (probe(fleet) and evidence(fleet, row, since))

    until(lambda: proven(has_line), f"{fault_id}: {row.log_event}")
    if row.span_attribute != "none":
        until(lambda: proven(has_span), f"{fault_id}: {row.span_attribute}")
    assert fleet.fault("DELETE", f"/{row.id}", service=row.service).json()["level"] == 0
    until(lambda: not probe(fleet), f"{fault_id}: all is well after it")


@pytest.mark.prove
def test_leaked_memory_is_given_back(fleet, until):
    def held():
        return total(fleet, "payments", "process_resident_memory_bytes")

    before = held()
    fleet.fault("POST", "/memory-leak", service="payments", json={"level": 100})
    until(lambda: held() > before + 12e6, "memory grows")
    assert fleet.wait_lines(event="fault.injected", fault="memory-leak")
    fleet.fault("DELETE", "/memory-leak", service="payments")
    until(lambda: held() < before + 10e6, "memory is given back")


def test_dropped_index_is_made_again_and_what_was_filled_in_is_gone(fleet):
    fleet.fault("POST", "/missing-index", service="orders", json={"level": 10})
    assert "order_notes_order" not in index_names(fleet)
    fleet.fault("DELETE", "/missing-index", service="orders")
    assert "order_notes_order" in index_names(fleet)
    with closing(sqlite3.connect(fleet.home / "data" / "orders.db", timeout=30)) as database:
        assert database.execute("SELECT count(*) FROM order_notes").fetchone() == (0,)


def test_more_level_is_more_effect(fleet, until):
    def held(level, least):
        fleet.fault("POST", "/pool-exhausted", service="users", json={"level": level})
        used = {"db_client_connection_state": "used"}
        until(lambda: total(fleet, "users", "db_client_connection_count", **used) >= least, f"{least} held")
        return fleet.fault("GET", service="users").json()["faults"]

    counts = []
    for level, least in ((10, 2), (25, 4), (50, 8)):
        (row,) = [row for row in held(level, least) if row["id"] == "pool-exhausted"]
        counts.append(row["hits"])
    assert counts == [2, 4, 8]
    assert fleet.log_in("bob").status_code == 200
