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
def test_killed_process_is_back_within_five_seconds(running, name):
    before = running.status()[name]
    os.kill(before["pid"], signal.SIGKILL)
    deadline = time.monotonic() + BACK_S

    def back():
        row = running.row(name)
        return row.state == "ready" and row.process is not None and row.process.pid != before["pid"]

    while not back():
        assert time.monotonic() < deadline, running.row(name)
        time.sleep(0.05)
    assert running.status()[name]["state"] == "ready"


def test_status_says_that_everything_is_ready_again(running, wait_for):
    def ready():
        return all(row["state"] == "ready" for row in running.status().values())

    wait_for(ready, "every process ready")
    assert running.run("status", f"--home={running.home}").returncode == 0
