"""Rows and columns of a table panel: instant answers, merged and organised as the board asks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from obskit.console._model import Panel
from obskit.console._series import Series

__all__ = ["Table", "table_of"]

Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns, and rows with a cell for each."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]


def table_of(panel: Panel, answers: Mapping[str, Sequence[Series]]) -> Table:
    """Return the table of *panel* from the series that each target, by its refId, answered."""
    rows = _merged(answers)
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(tuple(names), tuple(rows))
    for transformation in panel.json.get("transformations", []):
        options = transformation.get("options", {})
        if transformation["id"] == "organize":
            table = _organised(table, options)
        elif transformation["id"] == "limit":
            table = Table(table.columns, table.rows[: int(options.get("limitField", 10))])
        elif transformation["id"] == "sortBy":
            table = _sorted(table, [{"displayName": s["field"], **s} for s in options.get("sort", [])])
    return _sorted(table, panel.options.get("sortBy", []))


def _merged(answers: Mapping[str, Sequence[Series]]) -> list[dict[str, Cell]]:
    """One row for each set of labels; a target is a column."""
    several = len(answers) > 1
    rows: dict[tuple[tuple[str, str], ...], dict[str, Cell]] = {}
    for ref, found in answers.items():
        column = f"Value #{ref}" if several else "Value"
        for series in found:
            labels = {name: value for name, value in series.labels.items() if name != "__name__"}
            row = rows.setdefault(tuple(sorted(labels.items())), dict(labels))
            row[column] = _number(series.last)
    return list(rows.values())


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _organised(table: Table, options: Mapping[str, Any]) -> Table:
    excluded, order = options.get("excludeByName", {}), options.get("indexByName", {})
    renamed = options.get("renameByName", {})
    kept = [name for name in table.columns if not excluded.get(name)]
    kept += [name for name in renamed if name not in table.columns and not excluded.get(name)]
    kept.sort(key=lambda name: order.get(name, len(order)))
    columns = tuple(renamed.get(name) or name for name in kept)
    pairs = list(zip(kept, columns, strict=True))
    return Table(columns, tuple({new: row.get(old) for old, new in pairs} for row in table.rows))


def _sorted(table: Table, order: Sequence[Mapping[str, Any]]) -> Table:
    rows = list(table.rows)
    for item in reversed(order):
        name, falls = item.get("displayName", ""), bool(item.get("desc"))
        present = [row for row in rows if row.get(name) is not None]
        absent = [row for row in rows if row.get(name) is None]
        present.sort(key=lambda row: _comparable(row[name]), reverse=falls)
        rows = present + absent
    return Table(table.columns, tuple(rows))


def _comparable(cell: Cell) -> tuple[int, float, str]:
    return (0, cell, "") if isinstance(cell, float | int) else (1, 0.0, str(cell))
