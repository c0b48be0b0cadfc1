"""Schedules: what may be written, and what it means for the time between two runs."""

from datetime import UTC, datetime, timedelta

import pytest

import obskit
from obskit.jobs import cron_schedule, interval_schedule


@pytest.mark.parametrize(
    ("every", "seconds"),
    [
        ("24h", 86400),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("500ms", 0.5),
        ("2w", 1209600),
        (900, 900),
        (timedelta(days=1), 86400),
    ],
)
def test_intervals(every, seconds):
    schedule = interval_schedule(every)
    assert schedule.interval_s == seconds
    assert schedule.next_after(1000) == 1000 + seconds


@pytest.mark.parametrize(
    "every", ["", "daily", "24", "h", "-1h", "1h nonsense", 0, -5, float("nan"), timedelta(0)]
)
def test_what_is_no_interval_is_refused_with_an_example(every):
    with pytest.raises(obskit.ConfigError, match="24h"):
        interval_schedule(every)


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 3 * * *", 1),
        ("0 3 * * 1-5", 3),
        ("0 * * * *", 1 / 24),
        ("0 0 1 * *", 31),
        ("*/5 9-17 * * 1-5", None),
    ],
)
def test_interval_of_a_cron_line_is_its_longest_gap(expression, days):
    hours = 24 * days if days is not None else 48 + 15 + 5 / 60
    assert cron_schedule(expression, "UTC").interval_s == pytest.approx(hours * 3600)


def test_cron_line_is_read_in_its_zone_across_a_clock_change():
    schedule = cron_schedule("0 3 * * *", "Europe/Berlin")
    before = datetime(2026, 10, 24, 12, tzinfo=UTC).timestamp()
    assert datetime.fromtimestamp(schedule.next_after(before), UTC) == datetime(2026, 10, 25, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("often", "UTC"),
        ("0 3 * *", "UTC"),
        ("0 3 * * *", "Mars/Olympus"),
        ("0 3 * * *", "Europe"),
        ("0 3 * * *", "../etc"),
        ("0 0 30 2 *", "UTC"),
    ],
)
def test_what_is_no_cron_line_is_refused_with_an_example(expression, zone):
    with pytest.raises(obskit.ConfigError, match=r"0 3 \* \* \*"):
        cron_schedule(expression, zone)
