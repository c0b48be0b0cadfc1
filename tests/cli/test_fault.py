import json


def test_list_works_with_the_stack_down(shell):
    result = shell.run("fault", "list", "--json")

    rows = {row["id"]: row for row in json.loads(result.out)}
    assert rows["inventory-errors"]["service"] == "inventory"
    assert rows["inventory-errors"]["alert"] == "AvailabilityBudgetBurn"


def test_table_has_a_line_for_each(shell):
    result = shell.run("fault", "list")

    assert result.code == 0
    assert {line.split()[0] for line in result.out.splitlines()[1:]} >= {"inventory-slow", "inventory-errors"}


def test_unknown_fault_names_those_that_there_are(shell):
    result = shell.run("fault", "on", "inventory-gone")

    assert result.code == 1
    assert "There is no fault 'inventory-gone'; there are inventory-slow" in result.err
    assert "Fix:   obskit fault list" in result.err


def test_with_the_stack_down_says_what_to_do(shell):
    shell.home.create()

    result = shell.run("fault", "on", "inventory-errors")

    assert result.code == 1
    assert f"Error: inventory does not answer on port {shell.ports['inventory']}" in result.err
    assert "obskit up" in result.err


def test_in_a_home_that_never_ran_says_what_to_do(shell):
    result = shell.run("fault", "status")

    assert result.code == 1
    assert "no readable admin token" in result.err
    assert "Fix:   obskit up" in result.err


def test_fault_of_the_stack_is_switched_live_and_shown(shell):
    assert shell.run_standins("up").code == 0

    on = shell.run("fault", "on", "broker-down")

    assert on.code == 0, on.err
    assert on.out.startswith("broker-down is on at 100 %: The broker is dead.")
    status = shell.run("status")
    assert status.code == 1
    (nats,) = [line for line in status.out.splitlines() if line.startswith("nats")]
    assert "held" in nats
    assert "held by the fault broker-down" in nats
    # The sample services do not run here: that is shown, and hides nothing.
    shown = {row["id"]: row for row in json.loads(shell.run("fault", "status", "--json").out)}
    assert shown["broker-down"] == {
        "id": "broker-down",
        "service": "nats",
        "acts": "stack",
        "level": 100,
        "hits": 1,
    }
    assert shown["inventory-slow"]["level"] is None

    off = shell.run("fault", "off", "broker-down", "--json")

    assert json.loads(off.out) == {"id": "broker-down", "level": 0, "hits": 0}
