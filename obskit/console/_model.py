"""A committed board as the console draws it."""

import json
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = ["PANELS", "Board", "Boards", "Panel", "Variable", "kind_of", "load"]

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


def kind_of(source: object) -> str:
    """Return the type of a data source as a board names it; Prometheus where it says no more than a name."""
    return str(source.get("type", "prometheus")) if isinstance(source, Mapping) else "prometheus"


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
        return kind_of(self.json.get("datasource"))

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
        """Grafana's name of the kind of panel; a panel of its library is kept elsewhere."""
        return str(self.json.get("type", "library panel"))

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
        own = self.json.get("datasource")
        return [
            Target({**target, "datasource": target.get("datasource") or own})
            for target in self.json.get("targets", [])
            if not target.get("hide")
        ]

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
        """Queries of marks on the time axis, which Prometheus answers."""
        listed = self.json.get("annotations", {}).get("list", [])
        wanted = [item for item in listed if item.get("enable") and item.get("expr")]
        return [item for item in wanted if kind_of(item.get("datasource")) == "prometheus"]

    @property
    def begins(self) -> tuple[str, str]:
        """The time range that it opens with."""
        times = self.json.get("time", {})
        return str(times.get("from", "now-1h")), str(times.get("to", "now"))

    @property
    def refresh(self) -> str:
        """How often it reads itself anew, such as ``30s``; nothing: not at all."""
        return str(self.json.get("refresh") or "")


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
