import json
import os
import signal

from obskit import stack


def test_table_of_a_running_stack(shell):
    shell.run_standins("up")

    result = shell.run("status")

    assert result.code == 0
    header, *rows = result.out.splitlines()
    assert header.split() == ["name", "state", "pid", "port", "uptime", "restarts", "last", "exit"]
    assert [row.split()[:2] for row in rows] == [
        ["keeper", "ready"],
        ["nats", "ready"],
        ["orders", "ready"],
        ["supervisor", "ready"],
    ]


def test_process_that_is_not_ready_exits_1_with_the_reason(shell):
    shell.run_standins("up")
    pid = next(row for row in stack.status(shell.home).processes if row.name == "orders").process.pid
    os.kill(pid, signal.SIGSTOP)

    result = shell.run("status")
    machine = shell.run("status", "--json")

    assert result.code == machine.code == 1
    assert "no answer on port" in result.out
    row = next(row for row in json.loads(machine.out)["processes"] if row["name"] == "orders")
    assert row["state"] == "unready"


def test_json_of_a_stopped_stack(shell):
    result = shell.run("status", "--json")

    assert result.code == 1
    assert json.loads(result.out) == {
        "home": str(shell.home.root),
        "running": False,
        "ready": False,
        "time_scale": 1.0,
        "ports": {},
        "processes": [],
    }
