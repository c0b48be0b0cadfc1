"""When a job should run: every so often, or by a cron expression."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from obskit._extras import require
from obskit.errors import ConfigError

__all__ = ["Schedule", "cron_schedule", "interval_schedule", "longest_gap"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_EVERY = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_DAY_S = 86400.0
_MIN_RUNS = 2
# Enough to see the weekend of a job that runs each minute of the office hours.
_RUNS_LOOKED_AT = 3000


@dataclass(frozen=True, slots=True)
class Schedule:
    """The longest time between two runs in seconds, and the first run after a time, in Unix seconds."""

    interval_s: float
    next_after: Callable[[float], float]


def interval_schedule(every: str | float | timedelta) -> Schedule:
    """Return the schedule of a job that runs each *every*: ``"24h"``, seconds, or a timedelta.

    Raises:
        ConfigError: *every* is none of these, or not above 0.
    """
    interval_s = _seconds(every)
    if not 0 < interval_s < float("inf"):
        msg = f'every={every!r} is not accepted; use a time above 0 such as "24h", "1h30m" or 900 (seconds).'
        raise ConfigError(msg)
    return Schedule(interval_s, lambda after: after + interval_s)


def _seconds(every: str | float | timedelta) -> float:
    if isinstance(every, timedelta):
        return every.total_seconds()
    if isinstance(every, str):
        text = every.strip()
        if not _EVERY.fullmatch(text):
            return 0.0
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return float(every)


def cron_schedule(expression: str, timezone: str) -> Schedule:
    """Return the schedule of a five-field cron *expression* that is read in *timezone*.

    Raises:
        ConfigError: the expression or the time zone cannot be read, or has no second run.
        MissingExtraError: cronsim is not installed.
    """
    # Slow to load, and every service imports this module.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    cronsim = require("cronsim", extra="jobs", used_by="obskit.job(cron=...)")
    try:
        # Small images have no time zone data, and UTC needs none.
        zone = UTC if timezone == "UTC" else ZoneInfo(timezone)
        runs = cronsim.CronSim(expression, datetime.now(zone))
        gap_s = longest_gap(_looked_at((run.timestamp() for run in runs), expression))
    except (cronsim.CronSimError, ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = (
            f"cron={expression!r} with timezone={timezone!r} is not accepted ({error}); "
            'use five fields such as "0 3 * * *" and a zone such as "UTC" or "Europe/Berlin".'
        )
        raise ConfigError(msg) from error

    def next_after(after: float) -> float:
        runs = cronsim.CronSim(expression, datetime.fromtimestamp(after, zone))
        return float(next(runs).timestamp())

    return Schedule(gap_s, next_after)


def _looked_at(times: Iterator[float], expression: str) -> Iterator[float]:
    """Yield the first two of *times* and those of two days, or of a year where not all days are alike."""
    days = 2 if expression.split()[2:] == ["*"] * 3 else 400
    first = None
    for number, each in enumerate(islice(times, _RUNS_LOOKED_AT)):
        first = each if first is None else first
        if number >= _MIN_RUNS and each > first + days * _DAY_S:
            return
        yield each


def longest_gap(times: Iterable[float]) -> float:
    """Return the longest time between two neighbours of *times*, in seconds.

    Raises:
        ValueError: there are not two of them.
    """
    gap_s = max((later - earlier for earlier, later in pairwise(times)), default=0.0)
    if gap_s <= 0:
        msg = "it does not run twice"
        raise ValueError(msg)
    return gap_s
