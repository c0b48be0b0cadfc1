"""Asks real stores what every panel of every board asks, and judges the answers."""

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from obskit._mixin import Mixin
from obskit.boards._build import boards
from obskit.boards._mixin import mixed
from obskit.boards._model import JSON, Board, Finding
from obskit.boards._promql import filled
from obskit.boards._read import data_panels
from obskit.boards._render import to_json
from obskit.boards._stores import Answer, Moment, Stores

__all__ = ["Asked", "ask_all", "judge"]

_AT_ONCE = 4
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of one panel, and what it was answered."""

    board: str
    panel: str
    kind: str
    """Type of the data source: prometheus, loki or tempo."""
    query: str
    unit: str
    declared: str
    """Why the panel may be empty on a healthy system; empty when it may not."""
    series: int
    ms: float
    is_nan: bool
    highest: float | None
    lowest: float | None
    problem: str = ""
    """What the store said instead of an answer."""


def ask_all(
    stores: Stores,
    moment: Moment | None = None,
    *,
    source: Path | None = None,
    mixin: Mixin | None = None,
) -> tuple[Asked, ...]:
    """Ask every query of every board of *source*, by default the shipped ones, in their order.

    Queries of a store that *stores* does not name are left out. With a *mixin* they have its labels.

    Raises:
        StackError: a store cannot be reached.
    """
    asked_at = moment or Moment(end=time.time(), scrape_s=stores.scrape_s())
    found: list[Asked] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for board in boards(source):
            found.extend(pool.map(_Asking(stores, asked_at), _questions(board, stores, asked_at, mixin)))
    return tuple(found)


def judge(asked: Sequence[Asked]) -> list[Finding]:
    """Return what is wrong: errors, undeclared empty panels, NaN alone, and ratios outside 0 to 1."""
    findings = [finding for one in asked for finding in _judged(one)]
    filled_panels = {(one.board, one.panel) for one in asked if one.series}
    failed = {(one.board, one.panel) for one in asked if one.problem}
    empty = {(one.board, one.panel): one for one in asked if not one.declared}
    for place, one in empty.items():
        if place not in filled_panels and place not in failed:
            fix = "Make traffic; if it is empty on a healthy system, say so in About(empty=...) with the fault that fills it."
            findings.append(Finding(one.board, one.panel, "empty", "It has no data.", fix))
    return findings


def _judged(one: Asked) -> Iterator[Finding]:
    fix = f"Ask it by hand: {one.query}"
    if one.problem:
        yield Finding(one.board, one.panel, "error", one.problem, fix)
    if one.is_nan:
        yield Finding(one.board, one.panel, "NaN", "All its values are NaN.", fix)
    if one.unit == "percentunit" and one.highest is not None and one.lowest is not None:
        low, high = -_ROUNDING, 1 + _ROUNDING
        if one.lowest < low or one.highest > high:
            what = f"A ratio is between {one.lowest:g} and {one.highest:g}, outside 0 to 1."
            yield Finding(one.board, one.panel, "ratio", what, fix)


@dataclass(frozen=True, slots=True)
class _Question:
    board: str
    panel: str
    kind: str
    target: JSON
    unit: str
    declared: str
    query: str


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks one question; a pool calls it from several threads."""

    stores: Stores
    moment: Moment

    def __call__(self, one: _Question) -> Asked:
        began = time.perf_counter()
        answer = self.stores.ask(one.kind, one.query, self.moment, instant=bool(one.target.get("instant")))
        ms = (time.perf_counter() - began) * 1000
        return _asked(one, answer, ms)


def _asked(one: _Question, answer: Answer, ms: float) -> Asked:
    numbers = [value for series in answer.values for value in series]
    real = [value for value in numbers if not math.isnan(value)]
    return Asked(
        board=one.board,
        panel=one.panel,
        kind=one.kind,
        query=one.query,
        unit=one.unit,
        declared=one.declared,
        series=answer.count,
        ms=round(ms, 1),
        is_nan=bool(numbers) and not real,
        highest=max(real, default=None),
        lowest=min(real, default=None),
        problem=answer.problem,
    )


def _questions(board: Board, stores: Stores, moment: Moment, mixin: Mixin | None) -> Iterator[_Question]:
    drawn = mixed(to_json(board), mixin) if mixin else to_json(board)
    values = {**moment.variables(), **stores.choices(drawn, moment)}
    declared = {panel.about.title: panel.about.empty for row in board.rows for panel in row.panels}
    for panel in data_panels(drawn):
        for target in panel["targets"]:
            kind = target["datasource"]["type"]
            if stores.has(kind):
                yield _Question(
                    board=board.name,
                    panel=panel["title"],
                    kind=kind,
                    target=target,
                    unit=_unit(panel, target),
                    declared=declared.get(panel["title"], ""),
                    query=filled(target.get("expr") or target.get("query") or "", values),
                )


def _unit(panel: JSON, target: JSON) -> str:
    """Return the unit of one query's values: a table's columns have their own."""
    defaults: str = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
    headings: JSON = {}
    for step in panel.get("transformations", []):
        headings.update(step.get("options", {}).get("renameByName", {}))
    column = headings.get(f"Value #{target.get('refId')}")
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        if column is not None and override["matcher"].get("options") == column:
            units = [item["value"] for item in override["properties"] if item["id"] == "unit"]
            return str(units[0]) if units else defaults
    return defaults
