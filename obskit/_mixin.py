"""How somebody's own labels, buckets and objectives are put into every board and rule.

The table ``[mixin]`` of an ``obskit.toml``, or ``[tool.obskit.mixin]`` of a ``pyproject.toml``::

    [mixin]
    service_label = "service"        # what your Prometheus calls service_name
    environment_label = "env"        # kept apart by every rule, chosen on every board
    buckets = [0.1, 0.25, 0.5, 1.0]  # bounds of your request durations
    slow_s = 1.0                     # one of them: from there on a request is slow

    [mixin.objectives]
    "gateway.availability" = 99.5    # percent, by service and name in slo.yaml
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from obskit.catalog import SERVICE_LABEL
from obskit.errors import ConfigError

__all__ = ["SLOW_S", "Mixin", "load_mixin"]

SLOW_S = 0.5
"""Seconds from which on the shipped rules call a request slow."""

_KEYS = ("service_label", "environment_label", "buckets", "slow_s", "objectives")
_LABEL = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_CLAUSE = re.compile(r"\b(by|on)(\s*)\(([^()]*)\)")
_MATCHER = re.compile(r'\b(\w+)\s*=~?\s*"\$service"')
_QUERY = re.compile(r'(\bquery ")((?:\\.|[^"\\])*)"')
_TEMPLATE = re.compile(rf"(Labels?\.){SERVICE_LABEL}\b|(\$labels\.){SERVICE_LABEL}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixin:
    """What differs from the shipped boards and rules.

    Raises:
        ConfigError: a value is not accepted; names it and what is accepted.
    """

    service_label: str = SERVICE_LABEL
    environment_label: str = ""
    """Empty: there is one environment only."""
    buckets: tuple[float, ...] = ()
    """Bounds in seconds; empty: those of obskit."""
    slow_s: float = SLOW_S
    objectives: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("service_label", "environment_label"):
            value = getattr(self, key)
            if (value or key == "service_label") and not _LABEL.fullmatch(value):
                msg = f"mixin.{key} is {value!r}; use a label of Prometheus: letters, digits and _."
                raise ConfigError(msg)
        if self.buckets and self.slow_s not in self.buckets:
            accepted = ", ".join(f"{bound:g}" for bound in self.buckets)
            msg = (
                f"mixin.slow_s is {self.slow_s:g}, which is no bound of mixin.buckets; use one of {accepted}."
            )
            raise ConfigError(msg)

    def promql(self, expr: str) -> str:
        """Return a rule's expression with these labels; groups are kept apart by environment."""
        renamed = self._renamed(self._bound(expr))
        if not self.environment_label:
            return renamed
        return _CLAUSE.sub(self._apart, renamed)

    def board_promql(self, expr: str) -> str:
        """Return a board's expression with these labels; what is chosen by service is by environment too."""
        renamed = self._renamed(expr)
        if not self.environment_label:
            return renamed
        chosen = f'{self.environment_label}=~"$environment"'
        return _MATCHER.sub(lambda found: f"{found.group()}, {chosen}", renamed)

    def template(self, text: str) -> str:
        """Return a template of Prometheus or Alertmanager that names these labels."""
        asked = _QUERY.sub(lambda at: f'{at.group(1)}{self._words(at.group(2))}"', text)
        found = _TEMPLATE.sub(lambda at: f"{at.group(1) or at.group(2)}{self.service_label}", asked)
        return found.replace(f"${{__field.labels.{SERVICE_LABEL}", f"${{__field.labels.{self.service_label}")

    def labels(self, names: list[str]) -> list[str]:
        """Return the names of labels by which something is grouped, the environment's among them."""
        renamed = [self.service_label if name == SERVICE_LABEL else name for name in names]
        is_apart = self.environment_label and SERVICE_LABEL in names
        return [*renamed, self.environment_label] if is_apart else renamed

    def _renamed(self, expr: str) -> str:
        parts, at = [], 0
        for found in _STRING.finditer(expr):
            parts += [self._words(expr[at : found.start()]), self._quoted(found.group())]
            at = found.end()
        return "".join([*parts, self._words(expr[at:])])

    def _words(self, text: str) -> str:
        return re.sub(rf"\b{SERVICE_LABEL}\b", self.service_label, text)

    def _quoted(self, text: str) -> str:
        # label_replace and label_join name labels in strings.
        return f'"{self.service_label}"' if text == f'"{SERVICE_LABEL}"' else text

    def _apart(self, clause: re.Match[str]) -> str:
        names = [name.strip() for name in clause.group(3).split(",") if name.strip()]
        if self.service_label not in names:
            return clause.group()
        return f"{clause.group(1)}{clause.group(2)}({', '.join([*names, self.environment_label])})"

    def _bound(self, expr: str) -> str:
        return expr.replace(f'le="{SLOW_S:g}"', f'le="{_bound(self.slow_s)}"')


def _bound(seconds: float) -> str:
    """Return a bucket's bound as the client library writes it."""
    return str(float(seconds))


def load_mixin(path: Path) -> Mixin:
    """Read the table ``mixin`` of an ``obskit.toml``, or ``tool.obskit.mixin`` of another TOML file.

    Raises:
        ConfigError: the file cannot be read, has no such table, or a value is not accepted.
    """
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path} cannot be read as TOML ({error})."
        raise ConfigError(msg) from error
    if path.name == "pyproject.toml":
        content = content.get("tool", {}).get("obskit", {})
    table = content.get("mixin")
    if not isinstance(table, dict):
        msg = f"{path} has no table [mixin]; add one with any of {', '.join(_KEYS)}."
        raise ConfigError(msg)
    return _read(table)


def _read(table: Mapping[str, Any]) -> Mixin:
    unknown = sorted(set(table) - set(_KEYS))
    if unknown:
        msg = f"mixin has the key {unknown[0]!r}; accepted are {', '.join(_KEYS)}."
        raise ConfigError(msg)
    given = {key: table[key] for key in table if key not in {"buckets", "objectives"}}
    for key, value in given.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number if key == "slow_s" else isinstance(value, str)):
            kind = "a number of seconds" if key == "slow_s" else "a text"
            msg = f"mixin.{key} is {value!r}; use {kind}."
            raise ConfigError(msg)
    buckets = _numbers("buckets", dict(enumerate(table.get("buckets", []))))
    objectives = _numbers("objectives", table.get("objectives", {}))
    return Mixin(**given, buckets=tuple(buckets.values()), objectives=objectives)


def _numbers(key: str, found: Mapping[Any, Any]) -> dict[Any, float]:
    for name, value in found.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            msg = f"mixin.{key} has {value!r} at {name!r}; use a number over 0."
            raise ConfigError(msg)
    return {name: float(value) for name, value in found.items()}
