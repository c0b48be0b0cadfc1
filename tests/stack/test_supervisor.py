import os
import signal
from dataclasses import replace

import orjson
import pytest

from obskit import stack
from obskit.stack._launch import start_supervisor


@pytest.fixture
def stack_up(site):
    stack.up(site.home, site.plan(site.standin("nats"), site.standin("orders", after=("nats",))))


@pytest.mark.parametrize("name", ["nats", "orders", "keeper", "supervisor"])
def test_killed_process_is_back_and_status_says_so(stack_up, site, wait_for, name):
    before = site.kill(name)

    wait_for(lambda: site.is_back(name, before), f"{name} is back")

    assert site.row(name).restarts == 1
    assert site.row(name).last_exit
    wait_for(lambda: stack.status(site.home).is_ready, "all are ready")


def test_says_which_signal_killed_a_process(stack_up, site, wait_for):
    site.kill("orders")

    wait_for(lambda: site.row("orders").restarts == 1, "a restart")
    assert site.row("orders").last_exit == "killed by SIGKILL"


def test_new_supervisor_takes_over_what_runs(stack_up, site, wait_for):
    before = {name: site.row(name).process for name in ("nats", "orders", "keeper")}

    dead = site.kill("supervisor")

    wait_for(lambda: site.is_back("supervisor", dead), "a new supervisor")
    assert {name: site.row(name).process for name in before} == before
    assert site.running() == ["keeper", "nats", "orders", "supervisor"]


def test_process_killed_while_nobody_watches_comes_back(stack_up, site, wait_for):
    keeper = site.row("keeper").process.pid
    os.kill(keeper, signal.SIGSTOP)
    site.kill("supervisor")
    before = site.kill("orders")
    os.kill(keeper, signal.SIGCONT)

    wait_for(lambda: site.is_back("orders", before), "orders is back")
    assert site.row("orders").last_exit == "ended, exit code unknown"


def test_supervisor_and_keeper_survive_each_other_again_and_again(stack_up, site, wait_for):
    for name in ("supervisor", "keeper", "supervisor", "keeper"):
        before = site.kill(name)
        wait_for(lambda name=name, before=before: site.is_back(name, before), f"{name} is back")


def test_process_started_but_not_written_down_is_adopted(stack_up, site, wait_for):
    """The supervisor may die between the start of a process and the state file."""
    keeper = site.row("keeper").process.pid
    os.kill(keeper, signal.SIGSTOP)
    dead = site.kill("supervisor")
    orders = site.row("orders").process
    raw = orjson.loads(site.home.state.read_bytes())
    for each in raw["processes"]:
        if each["name"] == "orders":
            each["process"] = each["started_at"] = None
    site.home.state.write_bytes(orjson.dumps(raw))
    os.kill(keeper, signal.SIGCONT)

    wait_for(lambda: site.is_back("supervisor", dead), "a new supervisor")
    assert site.row("orders").process == orders
    assert site.running() == ["keeper", "nats", "orders", "supervisor"]


def test_change_that_a_dead_supervisor_left_undone_is_made_by_the_next(stack_up, site, wait_for):
    keeper = site.row("keeper").process.pid
    os.kill(keeper, signal.SIGSTOP)
    site.kill("supervisor")
    plan = stack.Plan.read(site.home.plan)
    staying = [spec for spec in plan.processes if spec.name != "orders"]
    replace(plan, processes=(*staying, site.standin("mail")), revision=1).write(site.home.plan)
    os.kill(keeper, signal.SIGCONT)

    wait_for(
        lambda: (
            site.running() == ["keeper", "mail", "nats", "supervisor"] and stack.status(site.home).is_ready
        ),
        "the change",
    )


def test_process_in_a_crash_loop_is_failed_with_its_traceback(site, wait_for, tmp_path):
    spec = site.standin("orders")
    script = tmp_path / "service.py"
    script.write_text(f"import runpy\nrunpy.run_path({spec.argv[1]!r}, run_name='__main__')\n")
    service = stack.ProcessSpec(
        name="orders", argv=(spec.argv[0], str(script), *spec.argv[2:]), ports=spec.ports, ready=spec.ready
    )
    stack.up(site.home, site.plan(site.standin("nats"), service))
    script.write_text("raise RuntimeError('a bad deploy')\n")

    site.kill("orders")

    wait_for(lambda: site.row("orders").state == "failed", "orders is failed")
    assert site.row("orders").output.endswith("RuntimeError: a bad deploy")
    assert site.row("orders").restarts == 4
    assert site.row("nats").state == "ready"


def test_waits_with_a_restart_until_what_it_needs_is_ready(stack_up, site, wait_for):
    nats, orders = site.kill("nats"), site.kill("orders")

    wait_for(lambda: site.is_back("nats", nats) and site.is_back("orders", orders), "both are back")
    assert site.row("nats").started_at < site.row("orders").started_at


def test_second_supervisor_of_a_home_ends_itself(stack_up, site):
    second = start_supervisor(site.home)

    assert second.wait(30) == 1
    assert "another supervisor holds" in site.home.log_of("supervisor").read_text()
    assert stack.status(site.home).is_ready
