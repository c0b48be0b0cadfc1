"""``obskit lab`` as a person types it."""

import json

LAB = "n-plus-one-vs-join"


def test_list_works_with_the_stack_down(shell):
    rows = {row["name"]: row for row in json.loads(shell.run("lab", "list", "--json").out)}

    assert len(rows) >= 15
    assert rows[LAB]["ways"] == ["join", "n-plus-one"]
    assert all(row["question"].endswith("?") and row["seconds"] > 0 for row in rows.values())


def test_run_prints_what_was_measured_and_what_it_comes_to(shell):
    few = ("--rate=20", "--seconds=0.3", "--scale=0.02")
    result = shell.run("lab", "run", LAB, *few, "--json")

    assert result.code == 0, result.err
    shown = json.loads(result.out)
    assert [(way["name"], way["figures"]["queries"]["median"]) for way in shown["ways"]] == [
        ("join", 1),
        ("n-plus-one", 21),
    ]
    assert [len(way["repetitions"]) for way in shown["ways"]] == [3, 3]
    assert "queries a call: join 1 < n-plus-one 21" in shown["conclusion"]
    assert shown["board"].startswith("obskit-labs")


def test_fewer_repetitions_than_three_say_nothing_about_the_spread_and_are_refused(shell):
    result = shell.run("lab", "run", LAB, "--repetitions=2")

    assert result.code == 2
    assert "greater than or equal to 3" in result.err


def test_lab_that_is_not_there_is_refused_with_those_that_are(shell):
    result = shell.run("lab", "run", "tabs-vs-spaces")

    assert result.code == 1
    assert LAB in result.err
    assert "Fix:   obskit lab list" in result.err
