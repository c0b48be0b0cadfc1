import json
import os
import signal
import socket
from pathlib import Path

import pytest


def test_returns_when_all_are_ready(shell):
    result = shell.run_standins("up")

    assert result.code == 0
    for name in ("keeper", "nats", "orders"):
        assert f"{name} ready" in result.err
    assert f"http://127.0.0.1:{shell.ports['orders']}" in result.out
    assert str(shell.home.root) in result.out
    assert shell.running() == ["keeper", "nats", "orders", "supervisor"]


def test_json_is_the_status(shell):
    result = shell.run_standins("up", "--json", "--time-scale", "30")

    status = json.loads(result.out)
    assert status["ready"] is True
    assert status["time_scale"] == 30
    assert {row["name"] for row in status["processes"]} == {"keeper", "nats", "orders", "supervisor"}


def test_second_up_applies_what_changed_and_nothing_else(shell, tmp_path):
    shell.run_standins("up")
    before = json.loads(shell.run("status", "--json").out)["processes"]

    refused = shell.run("up", "--time-scale", "9")
    assert refused.code == 1
    assert f"The stack in {shell.home.root} is already running, and --time-scale is for its start" in (
        refused.err
    )
    (tmp_path / "obskit.toml").write_text('[services.far]\nurl = "http://localhost:9"\n')
    added = shell.run("up", "--project", str(tmp_path / "obskit.toml"))
    assert added.out.startswith("Added far.\nAll else ran on.\n"), added.err
    assert shell.run("down", "far").out == "Removed far.\nAll else ran on.\n"
    none = shell.run("down", "gateway")
    assert "gateway is no service of yours" in none.err

    after = json.loads(shell.run("status", "--json").out)["processes"]
    assert [row["pid"] for row in after] == [row["pid"] for row in before]


def test_taken_port_names_its_holder_and_how_to_choose_another(shell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = shell.run("up", "--port", f"gateway={port}")

    assert result.code == 1
    assert f"Error: Port {port} (gateway) is taken by" in result.err
    assert f"(pid {os.getpid()})" in result.err
    assert "obskit up --port gateway=N, or set OBSKIT_PORT_GATEWAY" in result.err
    assert "Traceback" not in result.err
    assert shell.running() == []


def test_missing_program_names_the_command(shell, tmp_path):
    result = shell.run("up", PATH=str(tmp_path))

    assert result.code == 1
    assert "Error: prometheus and alertmanager are not installed here, or not on PATH." in result.err
    assert "Fix:   make setup, or" in result.err
    assert shell.running() == []


def test_crash_at_start_shows_its_traceback_and_leaves_nothing(shell):
    result = shell.run_standins("up", STANDIN_FLAGS="--crash")

    assert result.code == 1
    assert "RuntimeError: the warehouse is on fire" in result.err
    assert "Error: orders exited with code 1 at start, 3 times in a row." in result.err
    assert f"Fix:   mend what is shown above, then obskit up; its whole output is in {shell.home.logs}" in (
        result.err
    )
    # The traceback of the service, and none of ours.
    assert result.err.count("Traceback") == 1
    assert str(Path("obskit") / "stack") not in result.err
    assert shell.running() == []


def foreground(shell):
    process = shell.start_standins("up", "--foreground")
    while "Ctrl-C ends it" not in process.stdout.readline():
        assert process.poll() is None, process.stderr.read()
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_foreground_leaves_nothing_when_it_is_interrupted(shell, number):
    process = foreground(shell)
    assert "orders" in shell.running()

    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert "Nothing is left running." in out
    assert shell.running() == []


def test_foreground_ends_with_a_down_from_elsewhere(shell):
    process = foreground(shell)

    shell.run("down")
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0
    assert shell.running() == []
    assert "Traceback" not in err


def test_foreground_that_is_killed_leaves_nothing(shell, wait_for):
    process = foreground(shell)

    process.kill()
    process.communicate(timeout=60)

    wait_for(lambda: shell.running() == [], "the end of everything")


def test_interrupt_while_starting_leaves_nothing(shell):
    process = shell.start_standins("up", STANDIN_FLAGS="--mute")
    while "nats ready" not in process.stderr.readline():
        assert process.poll() is None

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Interrupted. Nothing is left running." in out
    assert "Traceback" not in err
    assert shell.running() == []
