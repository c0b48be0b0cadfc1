"""Whatever dies while the stack is up comes back, and ``status`` says so."""

import os
import signal
import time

import pytest

NAMES = (
    "keeper",
    "nats",
    "pager",
    "alertmanager",
    "prometheus",
    "embedded",
    "console",
    "inventory",
    "orders",
    "notifications",
    "smtp",
    "provider",
    "users",
    "payments",
    "gateway",
    "gateway-2",
    "traefik",
    "supervisor",
)
BACK_S = 5


@pytest.mark.parametrize("name", NAMES)
def test_killed_process_is_back_within_five_seconds(running, wait_for, name):
    before = wait_for(lambda: is_ready(running.row(name)), f"{name} is ready", within_s=60)
    os.kill(before.process.pid, signal.SIGKILL)
    deadline = time.monotonic() + BACK_S

    def back():
        row = is_ready(running.row(name))
        return row and row.process.pid != before.process.pid

    while not back():
        assert time.monotonic() < deadline, running.row(name)
        time.sleep(0.05)
    assert running.row(name).restarts == before.restarts + 1


def is_ready(row):
    return row if row.state == "ready" and row.process is not None else None


def test_status_says_that_everything_is_ready_again(running, wait_for):
    def ready():
        return all(row["state"] == "ready" for row in running.status().values())

    assert running.status().keys() == set(NAMES)  # no process of the stack is left out above
    wait_for(ready, "every process ready")
    assert running.run("status", f"--home={running.home}").returncode == 0
