"""What the supervisor is told to do for each fault that acts on the stack or by load."""

import pytest

from obskit import _faults, stack
from obskit.errors import StackError
from obskit.stack import _actors
from obskit.stack._specs import Plan

PORTS = {port.name: port.default + 20_000 for port in stack.PORTS}


@pytest.fixture
def plan(tmp_path):
    home = stack.Home.at(tmp_path / "home")
    home.create()
    return stack.native_plan(home, ports=PORTS)


@pytest.fixture
def fault(plan):
    return {each.id: each for each in plan.faults}.__getitem__


def test_every_row_that_no_service_switches_is_the_supervisors(plan):
    rows = {each.id: each for each in _faults.catalogue().values() if each.acts != "service"}

    assert {each.id: each.levels for each in plan.faults} == {name: row.levels for name, row in rows.items()}
    assert len(rows) >= 12


def test_what_it_acts_on_is_there(plan):
    names = {spec.name for spec in plan.processes}

    assert {each.process for each in plan.faults if each.action != "run"} <= names
    assert not {each.process for each in plan.faults if each.action == "run"} & names


def test_abuser_comes_through_the_door_and_trusts_its_certificate(fault, plan):
    flood = fault("client-flood")

    assert flood.argv[-5:-3] == ("client-flood", "--level={level}")
    assert f"--url=https://127.0.0.1:{PORTS['traefik-tls']}" in flood.argv
    assert any(part.startswith("--ca=") and part.endswith("localhost.crt") for part in flood.argv)


def test_supervisor_takes_orders_on_its_port(plan):
    assert plan.control_port == PORTS["supervisor"]
    assert plan.listening["supervisor"] == PORTS["supervisor"]


def test_plan_with_faults_is_read_as_it_was_written(plan, tmp_path):
    plan.write(tmp_path / "plan.json")

    assert Plan.read(tmp_path / "plan.json") == plan


def test_mechanism_that_the_stack_does_not_know_is_refused(tmp_path, monkeypatch):
    row = {"id": "flooded", "acts": "stack", "mechanism": "water", "options": {"process": "nats"}}
    monkeypatch.setattr(_faults, "catalogue", lambda: {"flooded": _faults.Fault(row)})

    with pytest.raises(StackError, match="mechanism 'water'; the stack knows stop, pause, expire, abuse"):
        _actors.stack_faults(stack.Home.at(tmp_path), PORTS, {"traefik": "traefik"}, {"nats"})


def test_fault_of_what_does_not_run_is_left_out(plan, tmp_path):
    home = stack.Home.at(tmp_path / "home")

    found = _actors.stack_faults(home, PORTS, {"traefik": "traefik"}, {"nats", "embedded"})

    assert {each.process for each in found} == {"nats", "embedded"}
