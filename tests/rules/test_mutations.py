"""The rules' own tests notice when a rule is wrong: a cross-section always, every change in the long run.

The changes that are made by rote (a number, a window, a matcher, a wait, a clause) come from
``obskit alerts test --mutation``; those below are the ones that only a person would think of.
"""

import dataclasses
import shutil

import pytest

from obskit.rules import load_rules, mutants, rule_paths, verdicts

_CAUSE = "availability.yaml"
_GOAL = "objectives.yaml"
_SLOW = "latency.yaml"
_BASE = "recording.yaml"
_WATCH = "watchers.yaml"

_MUTANTS = [
    pytest.param((_GOAL, "14.4 * 0.001", "14.6 * 0.001", "windows"), id="a factor too high"),
    pytest.param((_GOAL, "> 6 * 0.001", "> 5.8 * 0.001", "windows"), id="a factor too low"),
    pytest.param((_GOAL, ">= 10", ">= 9", "availability"), id="floor"),
    pytest.param(
        (
            _GOAL,
            "and slo:bad_per_events:ratio_rate5m >",
            "and slo:bad_per_events:ratio_rate1h >",
            "availability",
        ),
        id="no short window",
    ),
    pytest.param((_GOAL, "for: 2m", "for: 0m", "detection"), id="no wait"),
    pytest.param(
        (_GOAL, "unless on (service_name) service:down_alerts:count", "", "availability"), id="dead service"
    ),
    pytest.param(
        (_GOAL, "server_error", "client_error", "availability"), id="the caller's errors burn the budget"
    ),
    pytest.param(
        (_GOAL, "sum_over_time(", "avg_over_time(", "objectives"), id="the budget is an average of ratios"
    ),
    pytest.param((_GOAL, "3 * 0.01", "3.2 * 0.01", "windows"), id="a slow factor too high"),
    pytest.param((_CAUSE, "> 0.05", "> 0.04", "availability"), id="cause too eager"),
    pytest.param(
        (_CAUSE, 'service_name!="gateway"', 'service_name=~".+"', "availability"),
        id="the edge is its own cause",
    ),
    pytest.param((_SLOW, ">= 10", ">= 9", "latency"), id="slow floor"),
    pytest.param((_SLOW, "keep_firing_for: 5m", "keep_firing_for: 1h", "latency"), id="never ends"),
    pytest.param((_BASE, ', outcome!="aborted"', "", "recording"), id="aborted requests have a speed"),
    pytest.param((_BASE, "server_error", "client_error", "recording"), id="the caller's errors count"),
    pytest.param((_BASE, " > 0)", ")", "recording"), id="silence has a ratio"),
    pytest.param((_BASE, "sum by (service_name)", "sum", "recording"), id="services mixed"),
    pytest.param((_WATCH, "for: 2m", "for: 5m", "watchers"), id="a dead service waits"),
    pytest.param((_WATCH, "< 0.9", "< 1", "watchers"), id="a rolling update"),
    pytest.param(
        (_WATCH, "max by (service_name)", "min by (service_name)", "watchers"), id="one replica pages"
    ),
    pytest.param((_WATCH, "[1h]", "[10m]", "watchers"), id="a short memory"),
    pytest.param((_WATCH, "TargetDown|ServiceAbsent", "TargetUp", "watchers"), id="the dead go unnoticed"),
]


@pytest.mark.prove
@pytest.mark.parametrize("mutant", _MUTANTS)
def test_a_wrong_rule_fails_the_tests_of_its_topic(run, alerts_dir, tmp_path, mutant):
    file, right, wrong, topic = mutant
    copy = tmp_path / "alerts"
    shutil.copytree(alerts_dir, copy)
    text = (copy / file).read_text()
    assert right in text
    (copy / file).write_text(text.replace(right, wrong))
    code, said = run("promtool", "check", "rules", copy / file)
    assert code == 0, said

    code, said = run("promtool", "test", "rules", copy / "tests" / f"{topic}.test.yaml")

    assert code == 1, said
    assert "FAILED" in said


def test_every_rule_that_fires_is_changed_in_four_ways_at_least():
    counted = {}
    for one in mutants():
        counted.setdefault((one.file, one.name, one.number), set()).add(one.change)

    for path in rule_paths():
        for group in load_rules(path)["groups"]:
            for number, rule in enumerate(group["rules"]):
                if rule.get("alert") not in {None, "Watchdog"}:
                    assert len(counted[path.name, rule["alert"], number]) >= 4, rule["alert"]


def test_a_changed_rule_is_the_rule_with_one_change():
    by_file = {path.name: load_rules(path)["groups"] for path in rule_paths()}
    for one in mutants(at_most=3):
        rule = by_file[one.file][one.group]["rules"][one.number]
        differing = [key for key in rule if rule[key] != one.rule[key]]
        assert len(differing) == 1, one
        assert differing[0] in {"expr", "for", "keep_firing_for"}


def test_the_guards_of_ratios_are_left_alone():
    """(... > 0) keeps a ratio from dividing by nothing; another number there means the same."""
    changes = [one.change for one in mutants() if one.name == "CacheErrorRatioHigh"]

    assert "0 as 1" not in changes
    assert {"10 as 15", "10 as 7", "0.05 as 0.075", "[5m] as [15m]", 'without outcome="error"'} <= set(
        changes
    )


def test_a_cross_section_of_changes_is_noticed():
    chosen = [
        one
        for one in mutants()
        if (one.name, one.change)
        in {
            ("RefreshTokenReused", "1 as 2"),
            ("AuthBruteForce", "30 as 45"),
            ("CircuitBreakerOpen", "0.5 as 0.75"),
            ("QueueOldestAgeHigh", "for none"),
            ("DeadLetters", "[10m] as [30m]"),
        }
    ]

    assert len(chosen) == 5
    assert [one.mutant for one in verdicts(chosen) if not one.is_killed] == []


@pytest.mark.prove
def test_a_change_that_no_test_sees_survives():
    """Watchdog's value is looked at by nobody: the verdict must be able to say so."""
    unseen = [one for one in mutants() if one.name == "Watchdog"]

    assert [one.is_killed for one in verdicts(unseen)] == [False] * len(unseen)


@pytest.mark.prove
def test_a_rule_that_is_not_changed_survives():
    """Only the rules that a test needs are loaded: were one missing, all of its mutants would seem noticed."""
    files = {path.name: load_rules(path)["groups"] for path in rule_paths()}
    first = {(one.file, one.name): one for one in mutants(at_most=1)}.values()
    same = [
        dataclasses.replace(one, rule=files[one.file][one.group]["rules"][one.number], change="none")
        for one in first
    ]

    assert [one.mutant.name for one in verdicts(same) if one.is_killed] == []


@pytest.mark.prove
def test_nineteen_of_twenty_changes_are_noticed():
    changed = mutants()
    alive = [
        f"{one.mutant.file} {one.mutant.name}: {one.mutant.change}"
        for one in verdicts(changed)
        if not one.is_killed
    ]

    assert len(alive) <= 0.05 * len(changed), "\n".join(alive)
