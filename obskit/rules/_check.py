"""Checks the alerts as a whole: what Prometheus accepts and a person on call would not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser

from obskit._assets import asset
from obskit.errors import ConfigError
from obskit.rules._burn import is_current
from obskit.rules._links import log_query
from obskit.rules._load import Rule, load_alertmanager, load_rules, rule_paths

__all__ = ["SEVERITIES", "Finding", "check_alerts", "listed"]

SEVERITIES = ("page", "ticket", "none")
_TEXTS = ("summary", "description", "impact", "action", "runbook_url")
_LINKS = ("dashboard_url", "logs_url")
_LABELS = ("severity", "category", "team")
_LONGEST_SUMMARY = 1024  # PagerDuty's limit for a title
_TEMPLATED = re.compile(r"\$labels\.(\w+)")
_FRAGILE = frozenset({"topk", "bottomk"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, and what to do."""

    where: str
    problem: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.where}: {self.problem}"


def listed() -> list[tuple[str, Rule]]:
    """Return every shipped alerting rule with the name of its file.

    Raises:
        ConfigError: Prometheus would refuse a file.
        StackError: the installation is incomplete.
    """
    return [
        (path.name, rule)
        for path in rule_paths()
        for group in load_rules(path)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def check_alerts() -> list[Finding]:
    """Return what is wrong with the rules, their texts, runbooks, routes and objectives.

    Raises:
        StackError: the installation is incomplete.
    """
    found = [Finding(path.name, problem) for path in rule_paths() for problem in _refused(path)]
    if found:
        return found
    found += list(_objectives())
    for file, rule in listed():
        where = f"{file} {rule['alert']}"
        found += [Finding(where, problem) for problem in (*_complete(rule), *_sound(rule))]
    try:
        load_alertmanager(asset("alerts", "alertmanager.yml"))
    except ConfigError as error:
        found.append(Finding("alertmanager.yml", str(error)))
    return found


def _refused(path: Path) -> Iterator[str]:
    try:
        load_rules(path)
    except ConfigError as error:
        yield str(error)


def _objectives() -> Iterator[Finding]:
    try:
        if not is_current():
            yield Finding("objectives.yaml", "it is not what slo.yaml makes; run: obskit alerts build")
    except ConfigError as error:
        yield Finding("slo.yaml", str(error))


def _complete(rule: Rule) -> Iterator[str]:
    """Whether the rule has all labels and texts, and a runbook."""
    labels, texts = rule.get("labels", {}), rule.get("annotations", {})
    wanted = _TEXTS if labels.get("severity") == "none" else _TEXTS + _LINKS
    yield from (f"the label {name} is missing" for name in _LABELS if name not in labels)
    yield from (f"the annotation {name} is missing" for name in wanted if not texts.get(name, "").strip())
    if labels.get("severity") not in SEVERITIES:
        yield f"the severity {labels.get('severity')!r} is none of {', '.join(SEVERITIES)}"
    name = rule["alert"]
    if not texts.get("runbook_url", "").endswith(f"/runbooks/{name}"):
        yield f"runbook_url does not end with /runbooks/{name}"
    if not (asset("alerts", "runbooks") / f"{name}.md").is_file():
        yield f"runbooks/{name}.md is missing"


def _sound(rule: Rule) -> Iterator[str]:
    """Whether the rule keeps its identity, and compares; as Cloudflare's pint looks at rules."""
    texts = rule.get("annotations", {})
    if "{{" in "".join(rule.get("labels", {}).values()):
        yield "a label has a template: its value would make a new alert at each evaluation"
    if set(_TEMPLATED.findall(texts.get("summary", ""))) - {"service_name"}:
        yield "the summary names a label other than service_name: it titles an incident of many alerts"
    if len(texts.get("summary", "")) > _LONGEST_SUMMARY:
        yield f"the summary has over {_LONGEST_SUMMARY} characters"
    logs = texts.get("logs_url")
    if logs and log_query(logs) is None:
        yield "logs_url is no address of Grafana's Explore"
    operators = {str(node.op) for node in _nodes(rule["expr"], promql_parser.BinaryExpr)}
    if not operators & {">", ">=", "<", "<=", "==", "!=", "unless"} and rule["alert"] != "Watchdog":
        yield "the expression compares with nothing: it fires whenever there is a value"
    for node in _nodes(rule["expr"], promql_parser.AggregateExpr):
        if str(node.op) in _FRAGILE:
            yield f"{node.op} changes its series from one evaluation to the next, so 'for' never passes"


def _nodes(expr: str, kind: type[Any]) -> list[Any]:
    found: list[Any] = []

    def visit(node: object) -> None:
        if isinstance(node, kind):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found
