"""Makes time pass faster in rules and routes, so that a demo shows in seconds what takes hours.

Scaled are the ranges, offsets and steps of PromQL, ``for``, ``keep_firing_for``, the
interval of a group, and the waits of Alertmanager's routes. Not scaled are names and
labels (``ratio_rate5m``, ``long_window: 1h``: alerts, boards and tests refer to them),
numbers in expressions (a floor of ten bad events stays ten), and texts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from obskit.errors import ConfigError
from obskit.rules._durations import format_duration, parse_duration
from obskit.rules._load import Group, Rule, RuleFile
from obskit.rules._promql import rescale_promql

__all__ = ["TimeScale", "scale_alertmanager", "scale_rules"]

_LEAST_MS = 1000
_SCRAPES_IN_RANGE = 4  # rate() needs two samples; four survive one lost scrape and a late one
_ROUTE_WAITS = ("group_wait", "group_interval", "repeat_interval")


@dataclass(frozen=True, slots=True)
class TimeScale:
    """How many times faster than in production time passes.

    *factor* is 1 or more. *scrape_interval_s* is the scrape interval, in seconds, that
    the scaled rules will run with.

    Raises:
        ConfigError: a number is out of its range.
    """

    factor: float
    scrape_interval_s: float

    def __post_init__(self) -> None:
        if not 1 <= self.factor < float("inf"):
            msg = f"The time scale {self.factor!r} is not accepted; use a number, 1 (production) or more."
            raise ConfigError(msg)
        if not 0 < self.scrape_interval_s < float("inf"):
            msg = f"The scrape interval {self.scrape_interval_s!r} is not accepted; use seconds, more than 0."
            raise ConfigError(msg)

    def wait(self, milliseconds: int) -> int:
        """Return a scaled wait, in milliseconds: at least a second, never longer than before."""
        return min(milliseconds, max(_LEAST_MS, round(milliseconds / self.factor)))

    def window(self, milliseconds: int) -> int:
        """Return a scaled range, in milliseconds: at least four scrapes, never longer than before."""
        if self.factor == 1:
            return milliseconds
        least = round(_SCRAPES_IN_RANGE * self.scrape_interval_s * 1000)
        return min(milliseconds, max(least, self.wait(milliseconds)))

    def duration(self, text: str) -> str:
        """Return a scaled wait as text; the same text where nothing changes."""
        return _changed(text, self.wait)

    def hold(self, text: str) -> str:
        """Return a scaled ``for`` as text: four scrapes too, for one that is lost is no outage."""
        return _changed(text, self.window)


def _changed(text: str, change: Callable[[int], int]) -> str:
    before = parse_duration(text)
    after = change(before)
    return text if after == before else format_duration(after)


def scale_rules(rules: RuleFile, *, factor: float, scrape_interval_s: float) -> RuleFile:
    """Return a copy of *rules* in which time passes *factor* times faster.

    Ranges and ``for`` stay at or above four scrape intervals and nothing falls below a second.
    Factor 1 returns the same content.

    Raises:
        ConfigError: the factor or the interval is out of its range.
    """
    scale = TimeScale(factor, scrape_interval_s)
    return {"groups": [_scaled_group(group, scale) for group in rules["groups"]]}


def _scaled_group(group: Group, scale: TimeScale) -> Group:
    scaled = cast("Group", {**group, "rules": [_scaled_rule(rule, scale) for rule in group["rules"]]})
    if "interval" in group:
        scaled["interval"] = scale.duration(group["interval"])
    return scaled


def _scaled_rule(rule: Rule, scale: TimeScale) -> Rule:
    scaled = cast("Rule", dict(rule))
    if scale.factor != 1:
        scaled["expr"] = rescale_promql(rule["expr"], window=scale.window, shift=scale.wait)
    if "for" in rule:
        scaled["for"] = scale.hold(rule["for"])
    if "keep_firing_for" in rule:
        scaled["keep_firing_for"] = scale.duration(rule["keep_firing_for"])
    return scaled


def scale_alertmanager(config: dict[str, Any], *, factor: float, scrape_interval_s: float) -> dict[str, Any]:
    """Return a copy of an Alertmanager configuration whose routes wait *factor* times less.

    Receivers, inhibitions and time intervals (a clock's, not a stopwatch's) stay as they are.

    Raises:
        ConfigError: the factor or the interval is out of its range.
    """
    scale = TimeScale(factor, scrape_interval_s)
    return {**config, "route": _scaled_route(config["route"], scale)}


def _scaled_route(route: dict[str, Any], scale: TimeScale) -> dict[str, Any]:
    scaled = dict(route)
    for key in _ROUTE_WAITS:
        if key in route:
            scaled[key] = scale.duration(route[key])
    if "routes" in route:
        scaled["routes"] = [_scaled_route(child, scale) for child in route["routes"]]
    return scaled
