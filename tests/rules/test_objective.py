"""Objectives: what is accepted, what is refused and why, and the rules that they make."""

import pytest
import yaml

from obskit.errors import ConfigError
from obskit.rules import (
    WINDOWS,
    add_objective,
    burn_rules,
    is_current,
    load_objectives,
    objective,
    rendered,
    write_objectives,
)

_ENTRY = {
    "name": "availability",
    "service": "shop",
    "owner": "shop",
    "objective": 99.5,
    "window": "30d",
    "sli": {"kind": "availability"},
}


def _made(**changes):
    return objective({**_ENTRY, **changes})


def test_the_shipped_rules_are_what_the_shipped_objectives_make():
    assert is_current()


def test_the_same_source_gives_the_same_bytes(tmp_path, alerts_dir):
    once, again = (write_objectives(alerts_dir / "slo.yaml", tmp_path / name) for name in ("a", "b"))

    assert once.read_bytes() == again.read_bytes()


def test_a_change_of_the_source_is_noticed(tmp_path):
    source = add_objective(_ENTRY, tmp_path / "slo.yaml")
    assert not is_current(source)
    write_objectives(source)
    assert is_current(source)

    source.write_text(source.read_text().replace("99.5", "99.9"))

    assert not is_current(source)


@pytest.mark.parametrize(
    ("window", "factors"), [("30d", ["14.4", "6", "3", "1"]), ("28d", ["13.44", "5.6", "2.8", "0.9333"])]
)
def test_the_factors_spend_the_same_share_of_any_window(window, factors):
    found = [_made(window=window).factor(pair) for pair in WINDOWS]

    assert [f"{factor:.4g}" for factor in found] == [f"{float(one):.4g}" for one in factors]


@pytest.mark.parametrize("percent", [93, 90, 50])
def test_an_objective_whose_alert_could_never_fire_is_refused_with_the_reason(percent):
    with pytest.raises(
        ConfigError, match=r"could never fire: it needs 14\.4 x .* Promise more than 93\.06 %"
    ):
        _made(objective=percent)


def test_the_lowest_objective_that_can_fire_is_accepted():
    assert str(_made(objective=93.1).allowed) == "0.069"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"objective": 100}, "over 0 and under 100"),
        ({"objective": "most"}, "over 0 and under 100"),
        ({"window": "3d"}, "whole days from 7d to 90d"),
        ({"window": "1000h"}, "whole days from 7d to 90d"),
        ({"floor": 0}, "whole number of bad events"),
        ({"service": 'a"}'}, "letters, digits"),
        ({"sli": {"kind": "magic"}}, "availability, latency, flow, events"),
        ({"sli": {"kind": "latency"}}, "kind latency has kind, threshold_s"),
        ({"sli": {"kind": "latency", "threshold_s": 0.6}}, "no bucket, so nobody counts it"),
        ({"sli": {"kind": "events", "total": "a b", "bad": "b"}}, "no PromQL"),
        ({"sli": {"kind": "events", "total": "rate(a[5m])", "bad": "b"}}, "selector of one counter"),
        ({"color": "red"}, "the key 'color'"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_accepted(changes, said):
    with pytest.raises(ConfigError, match=said):
        _made(**changes)


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match="'owner' is missing"):
        objective({key: value for key, value in _ENTRY.items() if key != "owner"})


@pytest.mark.parametrize(
    "sli",
    [
        {"kind": "availability"},
        {"kind": "latency", "threshold_s": 1.0},
        {"kind": "flow", "destination": "orders.reserved", "threshold_s": 30},
        {"kind": "events", "total": "app_events_total", "bad": 'app_events_total{outcome="bad"}'},
        {"kind": "events", "total": "app_events_total", "good": 'app_events_total{outcome="good"}'},
    ],
)
def test_promtool_accepts_the_rules_of_every_kind(run, tmp_path, sli):
    source = add_objective({**_ENTRY, "sli": sli}, tmp_path / "slo.yaml")
    code, said = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", write_objectives(source))

    assert code == 0, said


def test_an_objective_makes_four_alerts_with_its_owner_and_its_floor():
    groups = burn_rules([_made(floor=3, owner="till")])["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]

    assert [(rule["labels"]["severity"], rule["labels"]["long_window"]) for rule in alerts] == [
        ("page", "1h"),
        ("page", "6h"),
        ("ticket", "1d"),
        ("ticket", "3d"),
    ]
    assert all(rule["labels"]["team"] == "till" and ">= 3\n" in rule["expr"] for rule in alerts)


def test_a_new_objective_keeps_what_people_wrote(tmp_path):
    path = tmp_path / "slo.yaml"
    path.write_text(
        "# ours\nobjectives:\n  # the till\n  - "
        + yaml.safe_dump(_ENTRY).replace("\n", "\n    ").rstrip()
        + "\n"
    )
    add_objective({**_ENTRY, "name": "second"}, path)

    assert path.read_text().startswith("# ours\nobjectives:\n  # the till\n")
    assert [one.name for one in load_objectives(path)] == ["availability", "second"]


def test_an_objective_that_is_there_or_wrong_is_not_written(tmp_path):
    path = add_objective(_ENTRY, tmp_path / "slo.yaml")
    before = path.read_bytes()
    for entry in (_ENTRY, {**_ENTRY, "name": "b", "objective": 12}):
        with pytest.raises(ConfigError):
            add_objective(entry, path)

    assert path.read_bytes() == before


def test_the_rules_say_where_they_come_from(alerts_dir):
    assert rendered(alerts_dir / "slo.yaml").startswith('# Made from slo.yaml by "obskit alerts build"')
