"""Processes are killed under load: what was accepted is done, once."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLED = ("inventory", "nats", "orders")


@pytest.fixture
def ask(fleet):
    def run(service, query):
        with closing(sqlite3.connect(fleet.home / "data" / f"{service}.db", timeout=30)) as database:
            return database.execute(query).fetchall()

    return run


@pytest.fixture
def load(fleet, tmp_path):
    file = tmp_path / "accepted.txt"
    arguments = ["--url", fleet.url("gateway"), "--rate", "20", "--duration", "0", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sample_services.loadgen", *arguments, "--orders-file", str(file)],
        cwd=ROOT,
        env=fleet.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process, file
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_every_accepted_order_is_done_once_whatever_is_killed(fleet, load, ask, until):
    process, file = load

    def accepted():
        return file.read_text().split() if file.exists() else []

    for name in KILLED:
        # Kill in the middle of the work, not before it has begun.
        so_far = len(accepted())
        until(lambda so_far=so_far: len(accepted()) >= so_far + 10, "orders are being accepted")
        fleet.stop(name, signal.SIGKILL)
        fleet.wait_ready()
    process.send_signal(signal.SIGTERM)
    summary = json.loads(process.communicate(timeout=30)[0])

    owed = "SELECT count(*) FROM outbox WHERE due_at IS NOT NULL"
    until(lambda: ask("orders", owed) == [(0,)], "no order is pending and no event is owed", 60)
    states = dict(ask("orders", "SELECT id, state FROM orders"))
    assert len(accepted()) == summary["journeys"]["async"]["ok"]
    assert Counter(states[order_id] for order_id in accepted()) == {"completed": len(accepted())}

    completed = {order_id for order_id, state in states.items() if state == "completed"}
    reserved = {
        row[0] for row in ask("inventory", "SELECT order_id FROM reservations WHERE state = 'reserved'")
    }
    assert completed <= reserved
    sold = dict(
        ask("inventory", "SELECT sku, sum(quantity) FROM reservations WHERE state = 'reserved' GROUP BY sku")
    )
    for sku, left in ask("inventory", "SELECT sku, available FROM stock WHERE available > 0"):
        assert 1_000_000_000 - left == sold.get(sku, 0), sku
