"""Says in words what a query plan shows."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from obskit.db._tokens import shown, tokens

__all__ = ["Plan", "postgresql_plan", "sqlite_plan"]

Indexed = Callable[[str], frozenset[str]]
"""Gives the columns of a table that an index begins with."""

_MISJUDGED = 10
"""Times that an estimate must be off to be told."""
_LINES = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as text, one line a step, and what is worth knowing about it as sentences."""

    lines: tuple[str, ...]
    findings: tuple[str, ...]


def sqlite_plan(rows: Sequence[tuple[int, int, str]], statement: str, indexed: Indexed) -> Plan:
    """Return the plan of SQLite's rows of id, parent and detail; *statement* has the values as ``?``."""
    depths: dict[int, int] = {}
    lines: list[str] = []
    findings: list[str] = []
    names = _aliases(statement)
    for step, parent, detail in rows:
        depths[step] = depths.get(parent, -1) + 1
        lines.append("  " * depths[step] + detail)
        findings += _sqlite_finding(detail, names, statement, indexed)
    return _plan(lines, findings)


def _plan(lines: Sequence[str], findings: Sequence[str]) -> Plan:
    return Plan(tuple(lines[:_LINES]), tuple(dict.fromkeys(findings)))


def _sqlite_finding(detail: str, names: Mapping[str, str], statement: str, indexed: Indexed) -> Iterator[str]:
    if match := re.match(r"SCAN (?:TABLE )?(\w+)(?! (?:CONSTANT|SUBQUERY))", detail):
        alias, table = match[1], names.get(match[1], match[1])
        if table not in names.values() or alias == "CONSTANT":
            return  # a sub-select's result, which no index can be on
        if " USING " in detail:
            yield f"reads the whole index of {table}"
        else:
            condition = _condition_of(statement)
            columns = _filtered_columns(condition, alias, names)
            yield _full_scan(table, columns, indexed, has_condition=bool(condition))
    elif match := re.search(r"SEARCH (?:TABLE )?(\w+) .*AUTOMATIC.*INDEX \(([^)]*)\)", detail):
        sought = ", ".join(re.findall(r"(\w+)[=<>]", match[2]))
        table = names.get(match[1], match[1])
        yield f"missing index on {table}({sought}): SQLite builds one for each run"
    elif match := re.match(r"USE TEMP B-TREE FOR (.+)", detail):
        yield f"sorts in a temporary table for {match[1]}: no index gives that order"


def _full_scan(table: str, columns: Sequence[str], indexed: Indexed, *, has_condition: bool) -> str:
    if not has_condition:
        return f"full scan of {table}: no condition limits what is read"
    if not columns:
        return f"full scan of {table}: its condition is not on a column that an index could find"
    if known := [column for column in columns if column in indexed(table)]:
        return f"full scan of {table}: the index on {table}({known[0]}) is there and was not chosen"
    return f"full scan of {table}: missing index on {table}({', '.join(columns)})"


def _aliases(statement: str) -> dict[str, str]:
    """Return the table by its name in *statement*: the table's own, or its alias."""
    found = re.findall(
        r"\b(?:FROM|JOIN|UPDATE|INTO|,)\s+([\w.]+)(?:\s+AS)?(?:\s+(?!AS\b|ON\b|WHERE\b|JOIN\b|SET\b|LEFT\b|INNER\b|ORDER\b|GROUP\b|LIMIT\b)(\w+))?",
        statement,
        re.IGNORECASE,
    )
    names: dict[str, str] = {}
    for table, alias in found:
        names[alias or table] = table
        names.setdefault(table.rpartition(".")[2], table)
    return names


_CONDITION = re.compile(
    r"(?:(\w+)\.)?(\w+)(?:\)?::[\w ]+?(?:\[\])?)? (?:=|<|>|<=|>=|<>|IN|LIKE|~~|BETWEEN|IS)(?= |\()"
)


_OTHER_SIDE = re.compile(r"[=<>] (\w+)\.(\w+)")


def _condition_of(statement: str) -> str:
    return "".join(re.split(r"\b(?:WHERE|ON)\b", statement, maxsplit=1, flags=re.IGNORECASE)[1:])


def _filtered_columns(where: str, alias: str, names: Mapping[str, str]) -> list[str]:
    """Return the columns of *alias* that the condition compares."""
    only = len(set(names.values())) == 1
    found = [*_CONDITION.findall(where), *_OTHER_SIDE.findall(where)]
    return list(dict.fromkeys(column for owner, column in found if owner == alias or (not owner and only)))


def postgresql_plan(root: Mapping[str, Any], indexed: Indexed) -> Plan:
    """Return the plan of PostgreSQL's ``EXPLAIN (FORMAT JSON)`` tree."""
    lines: list[str] = []
    findings: list[str] = []
    for depth, node, parent in _nodes(root):
        lines.append("  " * depth + _line(node))
        findings += _node_findings(node, parent, indexed)
    return _plan(lines, findings)


def _nodes(
    node: Mapping[str, Any], depth: int = 0, parent: Mapping[str, Any] | None = None
) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any] | None]]:
    yield depth, node, parent
    for child in node.get("Plans", ()):
        yield from _nodes(child, depth + 1, node)


def _line(node: Mapping[str, Any]) -> str:
    parts = [node["Node Type"]]
    if "Relation Name" in node:
        parts.append(f"on {node['Relation Name']}")
    if "Index Name" in node:
        parts.append(f"using {node['Index Name']}")
    conditions = [key for key in ("Index Cond", "Filter", "Hash Cond", "Join Filter") if key in node]
    parts += [f"{key.lower()} {_without_values(node[key])}" for key in conditions]
    size = f"rows={node.get('Plan Rows')} cost={node.get('Total Cost')}"
    if "Actual Rows" in node:
        size += f" actual_rows={node['Actual Rows']:g} actual_ms={node.get('Actual Total Time')}"
    return f"{' '.join(parts)} ({size})"


def _without_values(condition: str) -> str:
    """Return PostgreSQL's text of a condition with ``?`` for the values that it repeats."""
    return shown(list(tokens(condition, "postgresql")))


def _node_findings(
    node: Mapping[str, Any], parent: Mapping[str, Any] | None, indexed: Indexed
) -> Iterator[str]:
    kind, table = node["Node Type"], node.get("Relation Name", "")
    if kind == "Seq Scan":
        condition = _without_values(node.get("Filter", ""))
        columns = list(dict.fromkeys(column for _, column in _CONDITION.findall(condition)))
        yield _full_scan(table, columns, indexed, has_condition=bool(condition))
        if parent is not None and parent["Node Type"] == "Nested Loop" and node is parent["Plans"][-1]:
            yield f"scans {table} once for each row that it is joined to"
    if kind == "Sort":
        keys = ", ".join(_without_values(key) for key in node.get("Sort Key", ()))
        where = " on disk" if node.get("Sort Space Type") == "Disk" else ""
        yield f"sorts by {keys}{where}: no index gives that order"
    expected, met = node.get("Plan Rows", 0), node.get("Actual Rows")
    if table and met is not None and max(expected, met) > _MISJUDGED * max(1, min(expected, met)):
        yield f"expected {expected} rows of {table} and met {met:g}: run ANALYZE {table}"
