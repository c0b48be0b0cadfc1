"""The limits that alerts watch, read from the rule files, so that a board draws the line that pages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from obskit._assets import asset
from obskit.boards._model import Threshold
from obskit.errors import ConfigError

__all__ = [
    "alerts",
    "limit_values",
    "limits",
    "recorded",
    "recorded_labels",
    "rules_of",
    "slow_after_s",
    "watched",
]

_FOLDER: ContextVar[Path | None] = ContextVar("obskit_rules_of_boards", default=None)

_GROUPING = re.compile(r"\bby\s*\(([^)]*)\)")
_COLOURS = {"ticket": "yellow", "page": "red"}


@dataclass(frozen=True, slots=True)
class _Limit:
    """What one rule of an alert compares with."""

    alert: str
    severity: str
    value: float
    is_ratio: bool


def limits(alert: str) -> tuple[float, float]:
    """Return the lowest limit of *alert* that opens a ticket and the highest that pages.

    Raises:
        ConfigError: the rule files have no such alert, or it compares with no number.
    """
    found = [limit for limit in _read().limits if limit.alert == alert and limit.is_ratio]
    tickets = [limit.value for limit in found if limit.severity == "ticket"]
    pages = [limit.value for limit in found if limit.severity == "page"]
    if not tickets or not pages:
        accepted = ", ".join(sorted({limit.alert for limit in _read().limits if limit.is_ratio}))
        msg = f"alerts/ has no limits of {alert!r} for a ticket and a page; use one of {accepted}."
        raise ConfigError(msg)
    return min(tickets), max(pages)


def watched(alert: str) -> tuple[Threshold, ...]:
    """Return the first number that each rule of *alert* compares with: yellow for a ticket, red for a page.

    Raises:
        ConfigError: the rule files have no such alert, or it compares with no number.
    """
    found = {limit.value: limit for limit in _read().limits if limit.alert == alert and not limit.is_ratio}
    if not found:
        msg = f"alerts/ has no alert {alert!r} that compares with a number; see obskit alerts list."
        raise ConfigError(msg)
    return tuple(Threshold(value, _COLOURS[found[value].severity]) for value in sorted(found))


def limit_values() -> frozenset[float]:
    """Return every limit of every alert."""
    return frozenset(limit.value for limit in _read().limits)


def slow_after_s(record_prefix: str = "service:http_slow_requests_per_requests:") -> float:
    """Return the seconds from which on a request counts as slow: the bucket that its rule reads."""
    for name, expr in recorded().items():
        if name.startswith(record_prefix):
            for selector in _nodes(promql_parser.parse(expr), promql_parser.VectorSelector):
                for matcher in selector.matchers.matchers:
                    if matcher.name == "le":
                        return float(matcher.value)
    msg = f"alerts/ has no recording rule {record_prefix}* that names a bucket; add one."
    raise ConfigError(msg)


def recorded() -> dict[str, str]:
    """Return the expression of each recording rule by its name."""
    return dict(_read().recorded)


def recorded_labels() -> dict[str, frozenset[str]]:
    """Return the labels that each recording rule keeps or adds, by its name."""
    return dict(_read().labels)


def alerts() -> frozenset[str]:
    """Return the names of all alerts."""
    return _read().alerts


@dataclass(frozen=True, slots=True)
class _Alerts:
    """What the rule files say, read once for each state of the files."""

    limits: tuple[_Limit, ...]
    alerts: frozenset[str]
    recorded: dict[str, str]
    labels: dict[str, frozenset[str]]


@contextmanager
def rules_of(folder: Path) -> Iterator[None]:
    """Let boards draw the limits of the rule files in *folder*, not of those that are shipped, in the block."""
    token = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(token)


def _read() -> _Alerts:
    files = sorted((_FOLDER.get() or asset("alerts")).glob("*.yaml"))
    return _read_once(tuple((path, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=1)  # a check asks for every name of every query, and parsing takes a while
def _read_once(files: tuple[tuple[Path, int], ...]) -> _Alerts:
    rules = [rule for path, _ in files for rule in _rules(path)]
    return _Alerts(
        limits=tuple(
            _Limit(rule["alert"], rule["labels"]["severity"], value, is_ratio)
            for rule in rules
            if "alert" in rule
            for value, is_ratio in _compared(rule["expr"])
        ),
        alerts=frozenset(rule["alert"] for rule in rules if "alert" in rule),
        recorded={rule["record"]: rule["expr"] for rule in rules if "record" in rule},
        labels=_kept(rules),
    )


def _kept(rules: list[dict[str, Any]]) -> dict[str, frozenset[str]]:
    """Return the labels of each recorded series; several rules may record one name, each with its own."""
    kept: dict[str, frozenset[str]] = {}
    for rule in rules:
        if "record" in rule:
            kept[rule["record"]] = kept.get(rule["record"], frozenset()) | _labels(rule)
    return kept


def _rules(path: Path) -> list[dict[str, Any]]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [rule for group in content.get("groups", []) for rule in group["rules"]]


def _labels(rule: dict[str, Any]) -> frozenset[str]:
    named = ",".join(_GROUPING.findall(rule["expr"])).split(",")
    return frozenset({name.strip() for name in named if name.strip()} | set(rule.get("labels", {})))


def _compared(expr: str) -> Iterator[tuple[float, bool]]:
    """Yield the constants that ratios of *expr* have to exceed, and the first one of anything else."""
    compared = [
        (value, ":ratio" in str(node.lhs))
        for node in _nodes(promql_parser.parse(expr), promql_parser.BinaryExpr)
        if str(node.op) in {">", "<"} and (value := _constant(node.rhs)) is not None
    ]
    ratios = [(value, True) for value, is_ratio in compared if is_ratio]
    yield from ratios or compared[:1]


def _constant(node: promql_parser.Expr) -> float | None:
    if isinstance(node, promql_parser.ParenExpr):
        return _constant(node.expr)
    if isinstance(node, promql_parser.NumberLiteral):
        return float(node.val)
    if isinstance(node, promql_parser.BinaryExpr) and str(node.op) == "*":
        left, right = _constant(node.lhs), _constant(node.rhs)
        # Rounded, or 14.4 * 0.001 is written as 0.014400000000000001.
        return None if left is None or right is None else round(left * right, 12)
    return None


def _nodes(root: promql_parser.Expr, kind: type[Any]) -> list[Any]:
    found: list[Any] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, kind):
            found.append(node)

    promql_parser.walk(root, visit)
    return found
