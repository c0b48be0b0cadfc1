"""Reads the PromQL of a panel: fills in Grafana's variables, parses, and says what the query asks for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TypeVar

import promql_parser

__all__ = [
    "RANGE",
    "RATE_INTERVAL",
    "Selector",
    "Windowed",
    "divisions",
    "filled",
    "grouped",
    "has_operator",
    "made",
    "parsed",
    "selectors",
    "variables",
    "windows",
]

_VARIABLE = re.compile(r"\$(?P<plain>\w+)|\$\{(?P<braced>\w+)(?:\.[\w.]+)?(?::\w+)?\}|\[\[(?P<old>\w+)\]\]")

RATE_INTERVAL = timedelta(seconds=241)
RANGE = timedelta(seconds=3607)
"""Unusual durations, so that a window that came from a variable is told from one that was typed."""

_BUILT_IN = {
    "__rate_interval": f"{RATE_INTERVAL.seconds}s",
    "__range": f"{RANGE.seconds}s",
    "__interval": "61s",
}

_Node = TypeVar("_Node", bound=promql_parser.Expr)


@dataclass(frozen=True, slots=True)
class Selector:
    """One choice of series: metric name and matchers as (label, operator, value)."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Windowed:
    """One function over a range of samples, such as ``rate``."""

    function: str
    metric: str
    window: timedelta


def variables(text: str) -> set[str]:
    """Return the names of the variables that *text* uses, Grafana's own included."""
    # "${1}xx" in a label_replace is a capture group of the regular expression.
    names = (match["plain"] or match["braced"] or match["old"] for match in _VARIABLE.finditer(text))
    return {name for name in names if not name.isdigit()}


def filled(text: str, values: Mapping[str, str] | None = None) -> str:
    """Return *text* with its variables replaced; a variable without a value becomes ``.+``."""
    known = {**_BUILT_IN, **(values or {})}

    def value(match: re.Match[str]) -> str:
        name = match["plain"] or match["braced"] or match["old"]
        return match.group() if name.isdigit() else known.get(name, ".+")

    return _VARIABLE.sub(value, text)


@lru_cache(maxsize=256)  # several rules read the same query; nobody changes the tree
def parsed(text: str) -> promql_parser.Expr:
    """Return the syntax tree of a panel's query.

    Raises:
        ValueError: it is not PromQL.
    """
    return promql_parser.parse(filled(text))


def nodes(root: promql_parser.Expr, kind: type[_Node]) -> list[_Node]:
    """Return the parts of *root* that are of *kind*, from the outside in."""
    found: list[_Node] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, kind):
            found.append(node)

    promql_parser.walk(root, visit)
    return found


def selectors(text: str) -> list[Selector]:
    """Return what series a query asks for."""
    return [_selector(node) for node in nodes(parsed(text), promql_parser.VectorSelector)]


def windows(text: str) -> list[Windowed]:
    """Return the functions over ranges that a query applies to series."""
    found = []
    for call in nodes(parsed(text), promql_parser.Call):
        for argument in call.args:
            if isinstance(argument, promql_parser.MatrixSelector):
                selector = _selector(argument.vector_selector)
                found.append(Windowed(call.func.name, selector.metric, argument.range))
    return found


def grouped(text: str) -> set[str]:
    """Return the labels that a query names to group or to match by."""
    tree = parsed(text)
    named: set[str] = set()
    for node in nodes(tree, promql_parser.AggregateExpr):
        named |= set(node.modifier.labels) if node.modifier else set()
    for operation in nodes(tree, promql_parser.BinaryExpr):
        match = operation.modifier
        if match:
            named |= set(match.matching.labels if match.matching else ())
            named |= set(match.group_labels or ())
    return named


def made(text: str) -> set[str]:
    """Return the labels that a query makes itself, with ``label_replace``."""
    calls = nodes(parsed(text), promql_parser.Call)
    return {call.args[1].val for call in calls if call.func.name in {"label_replace", "label_join"}}


def divisions(text: str) -> list[tuple[promql_parser.Expr, promql_parser.Expr]]:
    """Return what is divided by what."""
    operations = nodes(parsed(text), promql_parser.BinaryExpr)
    return [(node.lhs, node.rhs) for node in operations if _operator(node) == "/"]


def has_operator(root: promql_parser.Expr, operator: str) -> bool:
    """Whether *root* applies the binary *operator* somewhere."""
    return any(_operator(node) == operator for node in nodes(root, promql_parser.BinaryExpr))


def _operator(node: promql_parser.BinaryExpr) -> str:
    return str(node.op)


def _selector(node: promql_parser.VectorSelector) -> Selector:
    matchers = tuple((one.name, str(one.op), one.value) for one in node.matchers.matchers)
    return Selector(node.name or "", matchers)
