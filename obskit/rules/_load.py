"""Reads rule files and the Alertmanager configuration, and refuses what Prometheus would refuse.

promtool and amtool are the judges in the tests; this is what a machine without them has,
and it names the file, the group and the rule.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict, cast

import promql_parser
import yaml

from obskit._assets import asset
from obskit.errors import ConfigError
from obskit.rules._durations import parse_duration
from obskit.rules._promql import rescale_promql

__all__ = ["Group", "Rule", "RuleFile", "load_alertmanager", "load_rules", "rule_paths"]

Rule = TypedDict(
    "Rule",
    {
        "alert": str,
        "record": str,
        "expr": str,
        "for": str,
        "keep_firing_for": str,
        "labels": dict[str, str],
        "annotations": dict[str, str],
    },
    total=False,
)
"""One alerting or recording rule, as in Prometheus's rule files."""


class Group(TypedDict, total=False):
    """Rules that are evaluated one after the other, every ``interval``."""

    name: str
    interval: str
    limit: int
    rules: list[Rule]


class RuleFile(TypedDict):
    """The content of one rule file."""

    groups: list[Group]


# The one in C where it was built: eight times as fast, and obskit up waits for it.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_GROUP_KEYS = frozenset(Group.__annotations__)
_RULE_KEYS = frozenset(Rule.__annotations__)
_NOT_FOR_RECORDS = ("for", "keep_firing_for", "annotations")
_ROUTE_WAITS = ("group_wait", "group_interval", "repeat_interval")
_SOURCES = frozenset({"slo.yaml"})  # what rules are made from is not a rule file itself


def rule_paths() -> list[Path]:
    """Return the shipped rule files, by name.

    Raises:
        StackError: the installation is incomplete.
    """
    return sorted(path for path in asset("alerts").glob("*.yaml") if path.name not in _SOURCES)


def load_rules(path: Path) -> RuleFile:
    """Read and check one rule file.

    Raises:
        ConfigError: Prometheus would refuse the file; names the file, the group and the rule.
    """
    content = _yaml_mapping(path)
    groups = content.get("groups")
    if not isinstance(groups, list) or set(content) != {"groups"}:
        raise _refused(path, "a rule file has one key, 'groups', with a list of groups")
    for group in groups:
        _check_group(path, group)
    names = [group["name"] for group in groups]
    if len(set(names)) != len(names):
        raise _refused(path, f"the groups {names} do not have a name each of their own")
    return cast("RuleFile", content)


def load_alertmanager(path: Path) -> dict[str, Any]:
    """Read an Alertmanager configuration and check its routes.

    Raises:
        ConfigError: there is no route, or a route's receiver or wait cannot be used.
    """
    content = _yaml_mapping(path)
    route = content.get("route")
    if not isinstance(route, dict):
        raise _refused(path, "it has no 'route'")
    receivers = {receiver["name"] for receiver in content.get("receivers", [])}
    for child in _routes(route):
        _check_route(path, child, receivers)
    return content


def _yaml_mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _refused(path, f"it cannot be read as YAML ({error})") from error
    if not isinstance(content, dict):
        raise _refused(path, f"it holds a {type(content).__name__}, not a mapping")
    return content


def _refused(path: Path, reason: str) -> ConfigError:
    return ConfigError(f"{path.parent.name}/{path.name} is not accepted: {reason}.")


def _check_group(path: Path, group: object) -> None:
    if not isinstance(group, dict) or not isinstance(group.get("name"), str):
        raise _refused(path, f"the group {group!r} has no name")
    where = f"group {group['name']!r}"
    _only(path, where, set(group), _GROUP_KEYS)
    if "interval" in group:
        _check_duration(path, where, "interval", group["interval"])
    if not isinstance(group.get("rules"), list):
        raise _refused(path, f"{where} has no list of rules")
    for number, rule in enumerate(group["rules"], start=1):
        _check_rule(path, f"{where}, rule {number}", rule)


def _check_rule(path: Path, where: str, rule: object) -> None:
    if not isinstance(rule, dict) or ("alert" in rule) == ("record" in rule):
        raise _refused(path, f"{where} needs one of 'alert' and 'record'")
    where = f"{where} ({rule.get('alert', rule.get('record'))})"
    _only(path, where, set(rule), _RULE_KEYS)
    misplaced = [key for key in _NOT_FOR_RECORDS if key in rule and "record" in rule]
    if misplaced:
        raise _refused(path, f"{where} records a series, so it cannot have {misplaced[0]!r}")
    for key in ("for", "keep_firing_for"):
        if key in rule:
            _check_duration(path, where, key, rule[key])
    for key in ("labels", "annotations"):
        _check_texts(path, f"{where}, {key}", rule.get(key, {}))
    _check_expression(path, where, rule.get("expr"))


def _only(path: Path, where: str, keys: set[str], accepted: frozenset[str]) -> None:
    unknown = sorted(keys - accepted)
    if unknown:
        raise _refused(
            path, f"{where} has the key {unknown[0]!r}; accepted are {', '.join(sorted(accepted))}"
        )


def _check_duration(path: Path, where: str, key: str, value: object) -> None:
    try:
        parse_duration(str(value))
    except ValueError as error:
        raise _refused(path, f"{where}, {key}: {error}") from error


def _check_texts(path: Path, where: str, texts: object) -> None:
    if not isinstance(texts, dict):
        raise _refused(path, f"{where} is not a mapping of names to texts")
    for name, text in texts.items():
        if not isinstance(text, str):
            raise _refused(path, f"{where}: {name} is {text!r}, not a text; put it in quotes")


def _check_expression(path: Path, where: str, expression: object) -> None:
    if not isinstance(expression, str):
        raise _refused(path, f"{where} has no 'expr'")
    try:
        promql_parser.parse(expression)
        rescale_promql(expression, window=_same, shift=_same)
    except ValueError as error:
        raise _refused(path, f"{where}, expr: {error}") from error


def _same(milliseconds: int) -> int:
    return milliseconds


def _routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for child in route.get("routes", []):
        yield from _routes(child)


def _check_route(path: Path, route: dict[str, Any], receivers: set[str]) -> None:
    receiver = route.get("receiver")
    if receiver is not None and receiver not in receivers:
        accepted = ", ".join(sorted(receivers))
        raise _refused(path, f"a route names the receiver {receiver!r}; there are {accepted}")
    for key in _ROUTE_WAITS:
        if key in route:
            _check_duration(path, f"the route to {receiver!r}", key, route[key])
