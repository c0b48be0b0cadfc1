"""What is promised: reads ``slo.yaml`` and refuses an objective that no alert could watch."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from obskit.errors import ConfigError
from obskit.rules._durations import format_duration, parse_duration
from obskit.rules._indicator import Indicator, indicator

__all__ = ["WINDOWS", "Objective", "Pair", "load_objectives", "objective"]

_DAY_MS = 86_400_000
_SHORTEST_DAYS, _LONGEST_DAYS = 7, 90
_FLOOR = 10
_KEYS = ("name", "service", "owner", "objective", "window", "sli", "floor")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two windows that fire together: the long one says that it matters, the short that it goes on."""

    long: str
    short: str
    wait: str
    severity: str
    share: Decimal
    """The part of the budget that is gone when the long window has been at the limit throughout."""


WINDOWS = (
    Pair("1h", "5m", "2m", "page", Decimal("0.02")),
    Pair("6h", "30m", "15m", "page", Decimal("0.05")),
    Pair("1d", "2h", "1h", "ticket", Decimal("0.10")),
    Pair("3d", "6h", "3h", "ticket", Decimal("0.10")),
)


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise to the callers of one service."""

    name: str
    service: str
    owner: str
    percent: Decimal
    window: str
    sli: Indicator
    floor: int = _FLOOR

    @property
    def allowed(self) -> Decimal:
        """The share of events that may be bad."""
        return (1 - self.percent / 100).normalize()

    def factor(self, pair: Pair) -> Decimal:
        """Return how many times faster than allowed the budget is used up at the limit of *pair*."""
        factor = pair.share * parse_duration(self.window) / parse_duration(pair.long)
        return Decimal(f"{factor.normalize():f}")


def load_objectives(path: Path) -> tuple[Objective, ...]:
    """Read the objectives of an ``slo.yaml``.

    Raises:
        ConfigError: the file cannot be read, or an objective cannot be watched; names it and says why.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"{path} cannot be read as YAML ({error})."
        raise ConfigError(msg) from error
    entries = content.get("objectives") if isinstance(content, dict) else None
    if not isinstance(entries, list) or set(content) != {"objectives"}:
        msg = f"{path} is not accepted: it has one key, 'objectives', with a list."
        raise ConfigError(msg)
    found = tuple(objective(entry) for entry in entries)
    keys = [(one.service, one.name) for one in found]
    for key in keys:
        if keys.count(key) > 1:
            msg = f"{path} has the objective {key[1]!r} of {key[0]} twice; give one another name."
            raise ConfigError(msg)
    return found


def objective(entry: object) -> Objective:
    """Check one entry of ``slo.yaml`` and return it.

    Raises:
        ConfigError: a key is missing, unknown or out of its range, or an alert could never fire.
    """
    if not isinstance(entry, Mapping):
        msg = f"The objective {entry!r} is not accepted; it is a mapping with {', '.join(_KEYS)}."
        raise ConfigError(msg)
    where = f"The objective {entry.get('name')!r} of {entry.get('service')!r}"
    _check_keys(where, entry)
    found = Objective(
        name=_word(where, entry, "name"),
        service=_word(where, entry, "service"),
        owner=_word(where, entry, "owner"),
        percent=_percent(where, entry["objective"]),
        window=_window(where, entry["window"]),
        sli=indicator(where, str(entry["service"]), entry["sli"]),
        floor=_floor(where, entry.get("floor", _FLOOR)),
    )
    _check_reachable(where, found)
    return found


def _check_keys(where: str, entry: Mapping[str, Any]) -> None:
    missing = [key for key in _KEYS if key not in entry and key != "floor"]
    if missing:
        msg = f"{where} is not accepted: {missing[0]!r} is missing; it has {', '.join(_KEYS)}."
        raise ConfigError(msg)
    unknown = sorted(set(entry) - set(_KEYS))
    if unknown:
        msg = f"{where} has the key {unknown[0]!r}; accepted are {', '.join(_KEYS)}."
        raise ConfigError(msg)


def _word(where: str, entry: Mapping[str, Any], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not value.replace("-", "").replace("_", "").isalnum():
        msg = f"{where} has the {key} {value!r}; use letters, digits, - and _."
        raise ConfigError(msg)
    return value


def _percent(where: str, value: object) -> Decimal:
    try:
        percent = Decimal(str(value))
    except InvalidOperation:
        percent = Decimal(0)
    if not 0 < percent < 100:  # noqa: PLR2004 - percent
        msg = f"{where} promises {value!r} percent; use a number over 0 and under 100, such as 99.9."
        raise ConfigError(msg)
    return percent


def _window(where: str, value: object) -> str:
    try:
        days, rest = divmod(parse_duration(str(value)), _DAY_MS)
    except ValueError:
        days, rest = 0, 1
    if rest or not _SHORTEST_DAYS <= days <= _LONGEST_DAYS:
        msg = f"{where} has the window {value!r}; use whole days from 7d to 90d."
        raise ConfigError(msg)
    return format_duration(days * _DAY_MS)


def _floor(where: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        msg = f"{where} has the floor {value!r}; use a whole number of bad events, 1 or more."
        raise ConfigError(msg)
    return value


def _check_reachable(where: str, found: Objective) -> None:
    """Refuse an objective whose limit is over everything: its alert could never fire."""
    for pair in WINDOWS:
        factor = found.factor(pair)
        limit = factor * found.allowed
        if limit >= 1:
            least = 100 * (1 - 1 / factor)
            msg = (
                f"{where} promises {found.percent} %, so its {pair.long} alert could never fire: it needs "
                f"{factor} x {found.allowed} = {limit:.4g} of the events to be bad, and there is no more than 1. "
                f"Promise more than {least:.2f} %."
            )
            raise ConfigError(msg)
