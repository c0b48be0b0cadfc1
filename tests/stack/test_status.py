import os
import signal

from obskit import stack


def test_stack_that_is_down_has_no_processes(site):
    status = stack.status(site.home)

    assert not status.is_running
    assert not status.is_ready
    assert status.processes == ()


def test_shows_pid_port_uptime_and_restarts(site):
    spec = site.standin("nats")
    stack.up(site.home, site.plan(spec, time_scale=30.0))

    raw = stack.status(site.home).to_json()

    row = next(row for row in raw["processes"] if row["name"] == "nats")
    assert raw["running"] is True
    assert raw["ready"] is True
    assert raw["time_scale"] == 30.0
    assert row["state"] == "ready"
    assert row["port"] == spec.port
    assert row["uptime_s"] >= 0
    assert row["restarts"] == 0
    assert row["last_exit"] is None
    os.kill(row["pid"], 0)


def test_process_that_does_not_answer_is_unready(site):
    stack.up(site.home, site.plan(site.standin("nats")))
    pid = site.row("nats").process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        found = site.row("nats")
        assert found.state == "unready"
        assert "no answer on port" in found.output
        assert not stack.status(site.home).is_ready
    finally:
        os.kill(pid, signal.SIGCONT)


def test_believes_the_system_rather_than_the_state_file(site):
    """With nobody to write it, the file still says ready."""
    stack.up(site.home, site.plan(site.standin("nats")))
    watchers = [site.row(name).process.pid for name in ("keeper", "supervisor")]
    for pid in watchers:
        os.kill(pid, signal.SIGSTOP)
    site.kill("nats")

    assert site.row("nats").state == "restarting"
    assert site.row("nats").last_exit == "has ended"


def test_says_failed_when_nobody_is_left_to_restart(site):
    stack.up(site.home, site.plan(site.standin("nats")))
    site.kill_watchers()
    site.kill("nats")

    states = {row.name: row.state for row in stack.status(site.home).processes}

    assert states == {"keeper": "failed", "nats": "failed", "supervisor": "failed"}


def test_shows_strays_of_a_lost_state_file(site):
    stack.up(site.home, site.plan(site.standin("nats")))
    os.kill(site.row("keeper").process.pid, signal.SIGSTOP)
    os.kill(site.row("supervisor").process.pid, signal.SIGSTOP)
    site.home.state.write_bytes(b"{")

    status = stack.status(site.home)

    assert status.is_running
    assert not status.is_ready
    assert {row.name for row in status.processes} == {"keeper", "nats", "supervisor"}
    assert "obskit down" in status.processes[0].last_exit


def test_ports_are_those_of_the_running_stack(site, monkeypatch):
    monkeypatch.setenv("OBSKIT_PORT_NATS", "14222")
    assert stack.current_ports(site.home)["nats"] == 14222

    spec = site.standin("nats")
    stack.up(site.home, site.plan(spec))

    assert stack.current_ports(site.home) == {"nats": spec.port}
