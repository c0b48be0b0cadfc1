import pytest

from obskit.boards import limits, slow_after_s
from obskit.boards._limits import alerts, limit_values, recorded
from obskit.catalog import SERVER_DURATION
from obskit.errors import ConfigError


def test_limits_are_those_that_the_rule_files_compare_with():
    ticket, page = limits("AvailabilityBudgetBurn")
    assert (ticket, page) == (0.001, 0.0144)
    assert {ticket, page, *limits("LatencyBudgetBurn")} <= limit_values()


def test_an_alert_without_limits_is_refused_with_those_that_have_some():
    with pytest.raises(ConfigError, match=r"'Watchdog'.*AvailabilityBudgetBurn"):
        limits("Watchdog")


def test_slow_begins_at_a_bucket_of_the_metric():
    assert slow_after_s() in SERVER_DURATION.buckets


def test_slow_names_the_missing_rule():
    with pytest.raises(ConfigError, match="no recording rule nothing:"):
        slow_after_s("nothing:")


def test_alerts_and_recording_rules_are_told_apart():
    assert "TargetDown" in alerts()
    assert all(":" in name for name in recorded())
