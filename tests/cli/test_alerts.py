"""``obskit alerts`` as a person types it."""

import json

import pytest
from typer.testing import CliRunner

from obskit import rules
from obskit.cli.alerts import alerts


def test_list_works_with_the_stack_down(shell):
    rows = json.loads(shell.run("alerts", "list", "--json").out)

    assert len({row["alert"] for row in rows}) >= 30
    (watchdog,) = [row for row in rows if row["alert"] == "Watchdog"]
    assert watchdog["file"] == "watchers.yaml"
    assert {row["severity"] for row in rows} == {"page", "ticket", "none"}


def test_a_new_objective_is_written_with_its_rules(shell, tmp_path):
    source = tmp_path / "slo.yaml"
    options = ("--objective", "99.5", "--owner", "till", "--source", source)
    result = shell.run("alerts", "new-slo", "checkout", "availability", *map(str, options))

    assert result.code == 0, result.err
    assert "service: checkout" in source.read_text()
    assert 'service_name="checkout"' in (tmp_path / "objectives.yaml").read_text()


def test_an_objective_that_could_never_fire_is_refused_in_a_sentence(shell, tmp_path):
    options = ("--objective", "90", "--owner", "till", "--source", str(tmp_path / "slo.yaml"))
    result = shell.run("alerts", "new-slo", "checkout", "availability", *options)

    assert result.code == 1
    assert "could never fire" in result.err
    assert not (tmp_path / "slo.yaml").exists()


def test_check_finds_nothing_in_what_ships(shell):
    result = shell.run("alerts", "check", "--json")

    assert (result.code, json.loads(result.out)) == (0, [])


@pytest.fixture
def few(monkeypatch):
    """Let the commands test one topic's rules; ``tests/rules`` tests all of them."""
    files = [path for path in rules.unit_files() if path.name == "traffic.test.yaml"]
    chosen = {
        name: [one for one in rules.mutants() if one.name == name] for name in ("Watchdog", "TrafficStopped")
    }
    monkeypatch.setattr(rules, "unit_files", lambda: files)
    monkeypatch.setattr(rules, "inhibition_tests", list)
    return lambda name: monkeypatch.setattr(rules, "mutants", lambda **_: chosen[name][:2])


def test_test_tells_what_was_tested_and_fails_for_an_alert_that_is_not(few):
    result = CliRunner().invoke(alerts, ["test", "--json"])

    shown = json.loads(result.stdout)
    assert [one["passed"] for one in shown["rules"]] == [True]
    assert all(one["passed"] for one in shown["routes"])
    covered = {one["name"]: one["passed"] for one in shown["coverage"]}
    assert covered["TrafficStopped"]
    assert not covered["DeadLetters"]  # its tests are in another file
    assert result.exit_code == 1


@pytest.mark.parametrize(("name", "code"), [("TrafficStopped", 0), ("Watchdog", 1)])
def test_mutation_names_the_changes_that_no_test_noticed(few, name, code):
    few(name)
    result = CliRunner().invoke(alerts, ["test", "--mutation"])

    assert result.exit_code == code, result.stdout
    assert ("survived: watchers.yaml Watchdog: " in result.stdout) == bool(code)
    assert f"of 1 rules, {0 if code else 100}.0 % noticed" in result.stdout
