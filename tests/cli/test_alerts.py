"""``obskit alerts`` as a person types it."""

import json


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
