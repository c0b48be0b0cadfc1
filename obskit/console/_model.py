"""A committed board as the console draws it, and what of it the console cannot draw."""

import json
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from obskit.console._units import UnknownUnitError, unit

__all__ = ["PANELS", "Board", "Boards", "Panel", "Variable", "load", "undrawable"]

JSON = Mapping[str, Any]

PANELS = frozenset(
    {
        "alertlist",
        "bargauge",
        "gauge",
        "heatmap",
        "logs",
        "nodeGraph",
        "row",
        "stat",
        "state-timeline",
        "table",
        "text",
        "timeseries",
        "traces",
    }
)
"""Panel types that the console draws."""

TRANSFORMATIONS = frozenset({"merge", "organize", "sortBy", "limit", "labelsToFields", "reduce"})
"""Transformations that the console makes."""

MATCHERS = frozenset({"byFrameRefID", "byName", "byRegexp"})
PROPERTIES = frozenset(
    {
        "color",
        "custom.axisPlacement",
        "custom.cellOptions",
        "custom.fillBelowTo",
        "custom.fillOpacity",
        "custom.hidden",
        "custom.lineStyle",
        "custom.lineWidth",
        "custom.width",
        "decimals",
        "displayName",
        "links",
        "mappings",
        "max",
        "min",
        "noValue",
        "thresholds",
        "unit",
    }
)
"""Properties of a field override that the console follows."""
SOURCES = frozenset({"alertmanager", "loki", "prometheus", "tempo"})
VARIABLES = frozenset({"constant", "custom", "datasource", "interval", "query", "textbox"})


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel."""

    json: JSON

    @property
    def ref(self) -> str:
        """``refId``, which overrides and transformations name."""
        return str(self.json.get("refId", "A"))

    @property
    def expr(self) -> str:
        """The query's text: PromQL, LogQL or TraceQL."""
        return str(self.json.get("expr") or self.json.get("query") or "")

    @property
    def source(self) -> str:
        """Type of the data source: prometheus, loki or tempo."""
        return str(self.json.get("datasource", {}).get("type", "prometheus"))

    @property
    def is_instant(self) -> bool:
        """Whether it asks for one moment instead of a range."""
        return bool(self.json.get("instant")) and not self.json.get("range")


@dataclass(frozen=True)
class Panel:
    """One panel of a board."""

    json: JSON

    @property
    def id(self) -> int:
        """The panel's number on its board."""
        return int(self.json.get("id", 0))

    @property
    def type(self) -> str:
        """Grafana's name of the kind of panel."""
        return str(self.json["type"])

    @property
    def title(self) -> str:
        """The title, or nothing."""
        return str(self.json.get("title", ""))

    @property
    def options(self) -> JSON:
        """The options of this kind of panel."""
        return self.json.get("options", {}) or {}

    @property
    def defaults(self) -> JSON:
        """How every field is shown."""
        return self.json.get("fieldConfig", {}).get("defaults", {}) or {}

    @property
    def custom(self) -> JSON:
        """How the kind of panel shows every field."""
        return self.defaults.get("custom", {}) or {}

    @property
    def overrides(self) -> list[JSON]:
        """How some fields are shown instead."""
        return self.json.get("fieldConfig", {}).get("overrides", []) or []

    @cached_property
    def targets(self) -> list[Target]:
        """The queries that are not hidden."""
        return [Target(target) for target in self.json.get("targets", []) if not target.get("hide")]

    @property
    def links(self) -> list[JSON]:
        """Links of a click on data."""
        return self.defaults.get("links", []) or []


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a board."""

    json: JSON

    @property
    def name(self) -> str:
        """What queries call it."""
        return str(self.json["name"])

    @property
    def label(self) -> str:
        """What people call it."""
        return str(self.json.get("label") or self.name)

    @property
    def type(self) -> str:
        """Grafana's name of the kind of variable."""
        return str(self.json["type"])

    @property
    def query(self) -> str:
        """The query that lists its values, or the value itself."""
        query = self.json.get("query", "")
        return str(query.get("query", "")) if isinstance(query, Mapping) else str(query)

    @property
    def is_multi(self) -> bool:
        """Whether several values may be chosen."""
        return bool(self.json.get("multi"))

    @property
    def everything(self) -> str | None:
        """The value that stands for all values, or None where all cannot be chosen."""
        return str(self.json.get("allValue") or ".*") if self.json.get("includeAll") else None


@dataclass(frozen=True)
class Board:
    """One committed board."""

    json: JSON

    @property
    def uid(self) -> str:
        """Its name in addresses."""
        return str(self.json["uid"])

    @property
    def title(self) -> str:
        """Its title."""
        return str(self.json["title"])

    @cached_property
    def panels(self) -> list[Panel]:
        """All panels, those of collapsed rows too, in their order."""
        found: list[Panel] = []
        for panel in self.json.get("panels", []):
            found.append(Panel(panel))
            found.extend(Panel(inner) for inner in panel.get("panels", []) or [])
        return found

    @cached_property
    def variables(self) -> list[Variable]:
        """The variables that are not data sources: the console has one of each."""
        listed = self.json.get("templating", {}).get("list", [])
        return [Variable(item) for item in listed if item["type"] != "datasource"]

    @property
    def annotations(self) -> list[JSON]:
        """Queries of marks on the time axis."""
        listed = self.json.get("annotations", {}).get("list", [])
        return [item for item in listed if item.get("enable") and item.get("expr")]

    @property
    def begins(self) -> tuple[str, str]:
        """The time range that it opens with."""
        times = self.json.get("time", {})
        return str(times.get("from", "now-1h")), str(times.get("to", "now"))


def load(folder: Path) -> dict[str, Board]:
    """Return the boards of *folder* by their uid, in the order of their titles."""
    boards = [_board(path) for path in sorted(folder.glob("*.json"))]
    return {board.uid: board for board in sorted(boards, key=lambda board: board.title)}


class Boards(Mapping[str, Board]):
    """The boards of some folders by their uid, in the order of their titles; files that change are read again."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._read: dict[Path, tuple[int, Board]] = {}

    def __getitem__(self, uid: str) -> Board:
        return self._now()[uid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def values(self) -> ValuesView[Board]:
        """The boards as they are at this moment."""
        return self._now().values()

    def items(self) -> ItemsView[str, Board]:
        """The boards as they are at this moment, each with its uid."""
        return self._now().items()

    def _now(self) -> dict[str, Board]:
        read: dict[Path, tuple[int, Board]] = {}
        for path in (path for folder in self._folders for path in sorted(folder.glob("*.json"))):
            with suppress(OSError):  # it is being taken out
                stamp = path.stat().st_mtime_ns
                known = self._read.get(path)
                if known is None or known[0] != stamp:
                    known = stamp, _board(path)
                read[path] = known
        self._read = read
        found = {board.uid: board for _, board in read.values()}
        return dict(sorted(found.items(), key=lambda item: item[1].title))


def _board(path: Path) -> Board:
    return Board(json.loads(path.read_text()))


def undrawable(board: Board) -> list[str]:
    """Name everything of *board* that the console would leave out or draw differently; empty is good."""
    found = [
        f"variable {item['name']}: the type {item['type']!r}"
        for item in board.json.get("templating", {}).get("list", [])
        if item["type"] not in VARIABLES
    ]
    for panel in board.panels:
        found += [f"panel {panel.title or panel.id}: {what}" for what in _undrawable(panel)]
    return found


def _undrawable(panel: Panel) -> Iterator[str]:
    if panel.type not in PANELS:
        yield f"the type {panel.type!r}"
    for transformation in panel.json.get("transformations", []):
        if transformation["id"] not in TRANSFORMATIONS:
            yield f"the transformation {transformation['id']!r}"
    for target in panel.targets:
        if target.source not in SOURCES:
            yield f"the data source {target.source!r}"
    yield from _unknown_unit(panel.defaults.get("unit"))
    for override in panel.overrides:
        yield from _unknown_override(override)


def _unknown_override(override: JSON) -> Iterator[str]:
    if override["matcher"]["id"] not in MATCHERS:
        yield f"the matcher {override['matcher']['id']!r}"
    for item in override["properties"]:
        if item["id"] not in PROPERTIES:
            yield f"the property {item['id']!r}"
        elif item["id"] == "unit":
            yield from _unknown_unit(item["value"])


def _unknown_unit(name: str | None) -> Iterator[str]:
    try:
        unit(name)
    except UnknownUnitError as error:
        yield str(error)
