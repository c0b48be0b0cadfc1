"""The whole promise, once, on real parts: what ``obskit demo`` says and what it leaves behind.

That nothing is left running when Ctrl-C ends it is seen at the end of all tests here.
"""

import json
import re
import sqlite3
import time
from pathlib import Path

import pytest

WHOLE_S = 300
"""From typing the command to nothing left running."""


@pytest.fixture(scope="module")
def faults(demo):
    return {fault["name"]: fault for fault in demo.out["faults"]}


@pytest.fixture(scope="module")
def lines(demo):
    """Every JSON line that any service has written; the last may be half there, as they still run."""
    folder = demo.home / "logs" / "services"
    whole = [path.read_text().rpartition("\n")[0] for path in folder.iterdir()]
    return [json.loads(line) for text in whole for line in text.splitlines()]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_comparison_has_every_number_of_each_mode(demo, mode):
    measured = demo.out["comparison"][mode]
    assert measured["rate"] == pytest.approx(5, rel=0.35)
    assert measured["error_ratio"] == 0
    assert 0 < measured["p50_s"] <= measured["p95_s"] <= measured["p99_s"]


def test_async_work_is_done_after_it_was_accepted(demo):
    assert demo.out["comparison"]["async"]["done_p95_s"] > 0


def test_slow_inventory_slows_sync_callers_only_and_pages(faults):
    slow = faults["inventory-slow"]
    assert slow["alert"] == "LatencyBudgetBurn"
    assert slow["sync"]["p50_s"] > 0.5
    assert slow["async"]["p50_s"] < 0.5
    assert slow["async"]["done_p95_s"] > 0.5


def test_failing_inventory_fails_sync_callers_and_no_async_one(faults):
    errors = faults["inventory-errors"]
    assert errors["alert"] == "AvailabilityBudgetBurn"
    assert errors["sync"]["error_ratio"] > 0.3
    assert errors["async"]["error_ratio"] == 0


@pytest.mark.parametrize("name", ["inventory-slow", "inventory-errors"])
def test_each_fault_pages_within_a_minute_and_resolves(faults, name):
    fault = faults[name]
    assert fault["fired_after_s"] <= fault["paged_after_s"] <= 60
    assert fault["incident_id"]
    assert fault["resolved_after_s"] > 0
    assert fault["incident"]["urgency"] == "high"
    assert any("runbooks" in link["href"] for link in fault["incident"]["links"])


def test_every_accepted_async_order_is_completed_once(demo):
    orders = demo.out["orders"]
    assert orders["accepted"] > 100
    assert orders == {"accepted": orders["accepted"], "completed": orders["accepted"]}
    accepted = (demo.home / "data" / "demo-orders.txt").read_text().split()
    assert len(set(accepted)) == len(accepted)
    with sqlite3.connect(demo.home / "data" / "inventory.db") as database:
        reserved = [row[0] for row in database.execute("select order_id from reservations")]
    assert len(set(reserved)) == len(reserved)
    assert set(accepted) <= set(reserved)


def test_log_lines_of_one_async_order_share_one_trace_in_all_services(demo, lines):
    order = (demo.home / "data" / "demo-orders.txt").read_text().split()[0]
    about = [line for line in lines if line.get("order_id") == order and line["event"] != "http.request"]
    services = {line["service"] for line in about}
    assert {"orders", "inventory"} <= services
    traces = {line["trace_id"] for line in about}
    assert len(traces) == 1
    access = [line for line in lines if line.get("trace_id") in traces and line["event"] == "http.request"]
    assert {line["service"] for line in access} >= {"gateway", "orders"}


def test_output_shows_the_table_the_pages_and_the_end(demo):
    for expected in (
        "sync",
        "done p95",
        "LatencyBudgetBurn",
        "AvailabilityBudgetBurn",
        "Runbook",
        "resolved after",
    ):
        assert expected in demo.text


def shape(text):
    """The lines of a run without what differs between two runs: numbers, and the page's own lines."""
    lines = [
        re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?( (ms|s)\b|%)?", "N", line)) for line in text.splitlines()
    ]
    return [line.strip() for line in lines if line.strip() and not line.startswith(" N | ")]


PAGE = re.compile(r"^ *\|")


def story(text):
    """The shape of what is told, up to the addresses that the stack answers at while it stays."""
    told, _, _ = text.partition("\nconsole ")
    return [line for line in shape(told) if not PAGE.match(line)]


@pytest.fixture(scope="module")
def shown():
    """What the README says that the demo prints."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    return re.search(r"<!-- demo:begin -->\n```text\n(.*?)```", readme, re.DOTALL)[1]


def test_readme_shows_what_the_demo_prints(demo, shown):
    assert story(shown) == story(demo.text), "run: make readme"


def test_where_everything_is_and_how_to_go_on_is_said_at_the_end(demo, running):
    _, _, end = demo.text.partition("\nconsole ")
    assert f"http://127.0.0.1:{running.ports['console']}" in end
    assert "Try: obskit fault on" in end


@pytest.mark.prove
def test_demo_ends_by_itself_when_it_is_told_to(installed, shown):
    out = installed.home.parent / "out.json"
    began = time.monotonic()
    answer = installed.run("demo", "--exit", f"--json={out}", *installed.options, timeout=420)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert time.monotonic() - began < WHOLE_S
    assert story(answer.stdout) == story(shown)
    assert set(json.loads(out.read_text())) >= {"comparison", "faults", "orders"}
    assert installed.left() == []
