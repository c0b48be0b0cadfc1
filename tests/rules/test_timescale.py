import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obskit._assets import asset
from obskit.errors import ConfigError
from obskit.rules import TimeScale, load_alertmanager, load_rules, rule_paths, scale_alertmanager, scale_rules
from obskit.rules._durations import parse_duration

_DAY_MS = 86_400_000
_factors = st.floats(min_value=1, max_value=10_000)
_intervals = st.sampled_from([0.5, 1, 5, 15, 60])
_durations = st.integers(min_value=1, max_value=30 * _DAY_MS)


def _rules_of(path, factor, interval_s=1):
    scaled = scale_rules(load_rules(path), factor=factor, scrape_interval_s=interval_s)
    return [rule for group in scaled["groups"] for rule in group["rules"]]


def _ranges(expression):
    found = []

    def visit(node):
        if type(node).__name__ in {"MatrixSelector", "SubqueryExpr"}:
            found.append(node.range.total_seconds())

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


@pytest.mark.parametrize("path", rule_paths(), ids=lambda path: path.name)
def test_factor_one_changes_no_rule(path):
    assert scale_rules(load_rules(path), factor=1, scrape_interval_s=60) == load_rules(path)


def test_factor_one_changes_no_route():
    config = load_alertmanager(asset("alerts", "alertmanager.yml"))

    assert scale_alertmanager(config, factor=1, scrape_interval_s=60) == config


@pytest.mark.parametrize("factor", [1.5, 7, 60, 3600])
@pytest.mark.parametrize("path", rule_paths(), ids=lambda path: path.name)
def test_only_times_change(path, factor):
    for before, after in zip(_rules_of(path, 1), _rules_of(path, factor), strict=True):
        timed = {"expr", "for", "keep_firing_for"}
        assert {key: before[key] for key in before.keys() - timed} == {
            key: after[key] for key in after.keys() - timed
        }
        assert before.keys() == after.keys()
        assert len(_ranges(before["expr"])) == len(_ranges(after["expr"]))


def test_sixty_times_faster_turns_minutes_into_seconds():
    first = next(rule for rule in _rules_of(asset("alerts", "objectives.yaml"), 60) if "alert" in rule)
    group = scale_rules(load_rules(asset("alerts", "recording.yaml")), factor=60, scrape_interval_s=1)[
        "groups"
    ][0]

    assert first["for"] == "4s"
    assert first["labels"]["long_window"] == "1h"
    assert "increase1h" in first["expr"]
    assert ">= 10" in first["expr"]
    assert group["interval"] == "1s"
    assert group["rules"][0]["record"] == "service:http_request_errors_per_requests:ratio_rate5m"
    assert set(_ranges(group["rules"][0]["expr"])) == {5}


@pytest.mark.parametrize("factor", [60, 600, 100_000])
def test_ranges_and_for_hold_four_scrapes(factor):
    for path in rule_paths():
        for rule in _rules_of(path, factor, interval_s=2):
            assert all(seconds >= 8 for seconds in _ranges(rule["expr"]))
            assert parse_duration(rule.get("for", "8s")) >= 8000


def test_for_that_is_shorter_than_four_scrapes_stays_as_it_is():
    assert TimeScale(60, 15).hold("30s") == "30s"
    assert TimeScale(60, 1).hold("2m") == "4s"
    assert TimeScale(60, 1).hold("15m") == "15s"
    assert TimeScale(1, 15).hold("2m") == "2m"


@pytest.mark.parametrize("factor", [60, 100_000])
def test_routes_wait_less_and_at_least_a_second(factor):
    config = load_alertmanager(asset("alerts", "alertmanager.yml"))
    scaled = scale_alertmanager(config, factor=factor, scrape_interval_s=1)

    assert scaled["route"]["group_wait"] == "1s"
    assert scaled["route"]["repeat_interval"] == ("4m" if factor == 60 else "1s")
    assert scaled["route"]["routes"][0]["group_wait"] == "0s"
    assert scaled["receivers"] == config["receivers"]
    assert scaled["inhibit_rules"] == config["inhibit_rules"]


@given(_factors, _intervals, _durations, _durations)
def test_a_longer_range_never_becomes_the_shorter_one(factor, interval_s, one, other):
    scale = TimeScale(factor, interval_s)
    short, long = sorted((one, other))

    assert scale.window(short) <= scale.window(long)
    assert scale.wait(short) <= scale.wait(long)


@given(_factors, _intervals, _durations)
def test_a_time_is_never_longer_than_before_nor_too_short_to_work(factor, interval_s, before):
    scale = TimeScale(factor, interval_s)

    assert min(before, 1000) <= scale.wait(before) <= before
    assert min(before, 4000 * interval_s) <= scale.window(before) <= before


@pytest.mark.parametrize("factor", [0, 0.99, -60, float("nan"), float("inf")])
def test_refuses_a_factor_that_is_no_speed(factor):
    with pytest.raises(ConfigError, match=r"time scale .* is not accepted; use a number, 1"):
        TimeScale(factor, 1)


@pytest.mark.parametrize("interval_s", [0, -1, float("nan"), float("inf")])
def test_refuses_a_scrape_interval_that_is_no_time(interval_s):
    with pytest.raises(ConfigError, match=r"scrape interval .* is not accepted; use seconds"):
        TimeScale(60, interval_s)
