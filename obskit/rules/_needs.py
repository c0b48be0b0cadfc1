"""Which rules a test needs: those that it asks about, and those that record what they read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from obskit.rules._load import Rule, RuleFile

__all__ = ["Needs", "called", "only"]

_TEXT = re.compile(r'"[^"]*"')
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_ALERTNAME = re.compile(r'\balertname=~?"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Needs:
    """The rules of some files by what they are called: the alert, or the series that is recorded."""

    expressions: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, files: Iterable[RuleFile]) -> "Needs":
        """Read the rules of *files*."""
        found: dict[str, tuple[str, ...]] = {}
        for file in files:
            for group in file["groups"]:
                for rule in group["rules"]:
                    name = called(rule)
                    found[name] = (*found.get(name, ()), rule["expr"])
        return cls(found)

    def for_names(self, names: Iterable[str]) -> frozenset[str]:
        """Return *names* and whatever they read, through all rules between."""
        found: set[str] = set()
        waiting = [name for name in names if name in self.expressions]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                for expr in self.expressions[name]:
                    waiting += self._read(expr)
        return frozenset(found)

    def for_check(self, check: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of the rules that one check of a unit test, of an alert or of a query, looks at."""
        return self.for_names([check["alertname"]] if "alertname" in check else self._read(check["expr"]))

    def _read(self, expr: str) -> list[str]:
        if "__name__" in expr:
            return list(self.expressions)
        names = _NAME.findall(_TEXT.sub("", expr))
        if "ALERTS" in names:
            asked = [name for found in _ALERTNAME.findall(expr) for name in found.split("|")]
            names += asked or self.expressions
        return [name for name in names if name in self.expressions]


def only(rules: RuleFile, names: frozenset[str]) -> RuleFile:
    """Return *rules* with those that are called one of *names*; groups stay, for tests name their order."""
    groups = [
        {**group, "rules": [rule for rule in group["rules"] if called(rule) in names]}
        for group in rules["groups"]
    ]
    return cast("RuleFile", {"groups": groups})


def called(rule: Rule) -> str:
    """Return the alert, or the series that is recorded."""
    return rule.get("alert") or rule["record"]
