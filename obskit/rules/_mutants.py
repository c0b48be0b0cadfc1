"""Changes rules in small ways and expects their unit tests to fail: a test of the tests."""

import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import promql_parser
import yaml

from obskit.rules._durations import format_duration, parse_duration
from obskit.rules._load import Rule, RuleFile, load_rules, rule_paths
from obskit.rules._needs import Needs, called, only
from obskit.rules._programs import program, run
from obskit.rules._promql import TOKEN
from obskit.rules._unit import unit_files

__all__ = ["Mutant", "Verdict", "mutants", "verdicts"]

_AT_ONCE = 2
_CHECKS = ("alert_rule_test", "promql_expr_test")
_INTEGER = "tag:yaml.org,2002:int"
_RANGE = re.compile(r"\[([^\]:]+)\]")
_MATCHER = re.compile(r'\w+\s*(?:=~|!~|!=|=)\s*"[^"]*"')
_DROPPED = re.compile(r"\nunless on \([^)]*\) [\w:]+(?=\n|$)")
_JOINED = re.compile(r"^and\b", re.MULTILINE)
_COMPARED = re.compile(r"(?<![=!<>])(>=|<=|==|!=|>|<)(?![=])")
_GUARD = re.compile(r"> 0\)")
_OTHER = {">": "<", "<": ">", ">=": "<", "<=": ">", "==": "!=", "!=": "=="}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One rule with one change."""

    file: str
    name: str
    """The alert or the recorded series."""
    group: int
    number: int
    change: str
    """What was changed, for people."""
    rule: Rule


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the unit tests said to a mutant."""

    mutant: Mutant
    is_killed: bool


def mutants(*, at_most: int | None = None) -> list[Mutant]:
    """Return the changed rules; with *at_most*, that many of each rule, spread over its changes."""
    found = []
    for path in rule_paths():
        for group, content in enumerate(load_rules(path)["groups"]):
            for number, rule in enumerate(content["rules"]):
                name = called(rule)
                changed = [
                    Mutant(path.name, name, group, number, change, made) for change, made in _changes(rule)
                ]
                found += changed if at_most is None else changed[:: max(1, len(changed) // at_most)][:at_most]
    return found


def verdicts(chosen: Sequence[Mutant]) -> Iterator[Verdict]:
    """Run the unit tests that mention each mutant's rule until one fails, and give a verdict for each, in order.

    Raises:
        StackError: promtool is not installed.
    """
    program("promtool")
    bench = _Bench({path.name: load_rules(path) for path in rule_paths()}, _unit_contents())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(bench.judged, chosen)


@dataclass(slots=True)
class _Effort:
    """What a file of tests has taken so far, and how many mutants it has noticed."""

    seconds: float = 0.0
    noticed: int = 0

    @property
    def price(self) -> float:
        """Seconds that one more noticed mutant is likely to take; those not tried yet come first."""
        return self.seconds / (self.noticed + 1)


@dataclass(frozen=True, slots=True)
class _Bench:
    """The rule files and the test files, read once; files are written as JSON, which YAML includes."""

    rules: dict[str, RuleFile]
    tests: dict[str, dict[str, Any]]
    efforts: defaultdict[str, _Effort] = field(default_factory=lambda: defaultdict(_Effort))

    def judged(self, mutant: Mutant) -> Verdict:
        """Say whether the tests of *mutant* fail; one that nothing tests is not killed."""
        # Most mutants fail everywhere: the file that finds most in the least time goes first, and is enough.
        names = sorted(self.tests, key=lambda name: self.efforts[name].price)
        with tempfile.TemporaryDirectory(prefix="obskit-mutant-") as folder:
            return Verdict(mutant, any(self._fails(name, mutant, Path(folder)) for name in names))

    def _fails(self, name: str, mutant: Mutant, folder: Path) -> bool:
        content = self.tests[name]
        loaded = [one.removeprefix("../") for one in content["rule_files"]]
        if mutant.file not in loaded:
            return False
        needs = Needs.of(self.rules[file] for file in loaded)
        kept, needed = _kept(content["tests"], needs, mutant.name)
        if not kept:
            return False
        for file in loaded:
            rules = self.rules[file] if file != mutant.file else _with(self.rules[file], mutant)
            (folder / file).write_text(json.dumps(only(rules, needed)), encoding="utf-8")
        copy = folder / name
        copy.write_text(json.dumps({**content, "tests": kept, "rule_files": loaded}), encoding="utf-8")
        began = time.monotonic()
        failed = run(program("promtool"), "test", "rules", str(copy))[0] != 0
        effort = self.efforts[name]
        effort.seconds += time.monotonic() - began
        effort.noticed += failed
        return failed


def _kept(
    cases: Sequence[dict[str, Any]], needs: Needs, name: str
) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """Return the checks of *cases* whose outcome can depend on the rules called *name*, and all rules they need.

    Most of the time that promtool takes is for rules that a check does not look at.
    """
    kept: list[dict[str, Any]] = []
    needed: set[str] = set()
    for case in cases:
        checks = {
            kind: [check for check in case.get(kind, ()) if name in needs.for_check(check)]
            for kind in _CHECKS
        }
        if any(checks.values()):
            kept.append({**case, **checks})
            needed.update(*(needs.for_check(check) for found in checks.values() for check in found))
    return kept, frozenset(needed)


class _Loader(yaml.SafeLoader):
    """Reads ``0x20``, nothing twenty times, as promtool does: PyYAML takes it for the number 32."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, found) for tag, found in resolvers if tag != _INTEGER]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_INTEGER, re.compile(r"[-+]?[0-9]+$"), list("-+0123456789"))


def _unit_contents() -> dict[str, dict[str, Any]]:
    return {
        path.name: yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe one
        for path in unit_files()
    }


def _with(rules: RuleFile, mutant: Mutant) -> RuleFile:
    groups = [dict(group, rules=list(group["rules"])) for group in rules["groups"]]
    cast("list[Rule]", groups[mutant.group]["rules"])[mutant.number] = mutant.rule
    return cast("RuleFile", {"groups": groups})


def _changes(rule: Rule) -> Iterator[tuple[str, Rule]]:
    for change, expr in _expressions(rule["expr"]):
        if _parses(expr) and expr != rule["expr"]:
            yield change, cast("Rule", {**rule, "expr": expr})
    for key in ("for", "keep_firing_for"):
        if key in rule:
            yield f"{key} none", cast("Rule", {**rule, key: "0s"})
            longer = format_duration(3 * parse_duration(cast("dict[str, str]", rule)[key]))
            yield f"{key} {longer}", cast("Rule", {**rule, key: longer})


def _expressions(expr: str) -> Iterator[tuple[str, str]]:
    yield from _numbers(expr)
    yield from _windows(expr)
    for found in _MATCHER.finditer(expr):
        text = _without(expr, found)
        yield f"without {found[0]}", text
    for found in _COMPARED.finditer(_outside_braces(expr)):
        if _GUARD.match(expr, found.start()):
            continue
        other = _OTHER[found[0]]
        yield f"{found[0]} as {other}", expr[: found.start()] + other + expr[found.end() :]
    for found in _DROPPED.finditer(expr):
        yield f"without {found[0].strip()}", expr[: found.start()] + expr[found.end() :]
    for found in _JOINED.finditer(expr):
        yield "or in the place of and", expr[: found.start()] + "or" + expr[found.end() :]


def _numbers(expr: str) -> Iterator[tuple[str, str]]:
    for token in TOKEN.finditer(expr):
        if token.lastgroup != "number" or _is_fixed(expr, token):
            continue
        for other in _others(token.group()):
            yield f"{token.group()} as {other}", expr[: token.start()] + other + expr[token.end() :]


def _others(text: str) -> list[str]:
    """Return a number half again as large, and one as small; whole numbers stay whole."""
    value = float(text)
    if not text.isdigit():
        return [f"{value * 1.5:g}", f"{value / 1.5:g}"]
    more = max(int(value) + 1, round(value * 1.5))
    return [str(more)] if value == 0 else [str(more), str(min(int(value) - 1, round(value / 1.5)))]


def _is_fixed(expr: str, token: "re.Match[str]") -> bool:
    """Whether a number is a time shift, or the guard "(... > 0)" that keeps a ratio from dividing by nothing."""
    before, after = expr[: token.start()].rstrip(), expr[token.end() :].lstrip()
    return before.endswith("offset") or (
        token.group() == "0" and before.endswith(">") and after.startswith(")")
    )


def _windows(expr: str) -> Iterator[tuple[str, str]]:
    for window in dict.fromkeys(_RANGE.findall(expr)):
        for factor in (3, 1 / 3):
            other = format_duration(round(parse_duration(window) * factor / 1000) * 1000)
            yield f"[{window}] as [{other}]", expr.replace(f"[{window}]", f"[{other}]")


def _without(expr: str, found: "re.Match[str]") -> str:
    text = expr[: found.start()] + expr[found.end() :]
    return re.sub(r",\s*,", ",", text).replace("{, ", "{").replace(", }", "}")


def _outside_braces(expr: str) -> str:
    """Return *expr* with the same length, its matchers and texts blanked."""
    return re.sub(r'\{[^}]*\}|"[^"]*"', lambda part: " " * len(part[0]), expr)


def _parses(expr: str) -> bool:
    try:
        promql_parser.parse(expr)
    except ValueError:
        return False
    return True
