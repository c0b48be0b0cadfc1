"""What a board is made of, before it is Grafana's JSON."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from obskit.boards._sdk import Builder, models
from obskit.catalog import Metric

__all__ = [
    "JSON",
    "About",
    "Board",
    "Breach",
    "Finding",
    "Link",
    "Onward",
    "Panel",
    "Row",
    "Scale",
    "Threshold",
]

JSON = dict[str, Any]
"""One JSON object, such as a rendered board."""


class Link(Protocol):
    """Leads from a point of a panel onward; see ``obskit.boards.logs_link`` and its siblings."""

    def to_json(self, *, at_point: bool) -> JSON:
        """Return Grafana's form; *at_point*: the panel knows the time that was clicked."""
        ...


@dataclass(frozen=True, slots=True)
class About:
    """Explains a panel: its title, what it shows, what is normal, what to do when it is not."""

    title: str
    what: str
    normal: str
    act: str
    none: str = "no traffic"
    """What the panel says when it has no data."""
    empty: str = ""
    """Why the panel may have no data on a healthy system, and which fault fills it."""

    def __str__(self) -> str:
        return f"{self.what}\n\n**Normal:** {self.normal}\n\n**If not:** {self.act}"


@dataclass(frozen=True, slots=True)
class Threshold:
    """From *value* on, in the panel's unit, the panel has *colour*."""

    value: float
    colour: str = "red"


@dataclass(frozen=True, slots=True)
class Scale:
    """Grafana's name of a panel's unit, and the values from which on it is not good."""

    unit: str
    thresholds: tuple[Threshold, ...] = ()
    base: str = "green"
    """The colour below the first threshold."""


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a panel leads: data links of a click, and alerts whose runbooks its menu opens."""

    links: tuple[Link, ...] = ()
    runbooks: tuple[str, ...] = ()
    boards: tuple[Link, ...] = ()
    """Boards that the panel's menu opens: where to look next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel without a place: what draws it, its size in grid cells, and where it leads."""

    about: About
    builder: Builder[models.Panel]
    width: int
    height: int
    onward: Onward = Onward()
    at_point: bool = False
    """A click on the panel names a moment, so that links can end there."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line or more of panels below a title; the first row of a board has no title."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One board. Everything that all boards share is stamped on when it is rendered."""

    name: str
    """The file name of the JSON: ``service`` has the uid ``obskit-service``."""
    title: str
    question: str
    """What the board answers, in one sentence."""
    how_to_read: str
    when_paged: str
    """Where to look first."""
    rows: tuple[Row, ...]
    variables: tuple[Builder[models.VariableModel], ...] = field(default=())
    metrics: tuple[Metric, ...] = ()
    """Metrics of your own that the catalogue does not have, so that their names and labels are checked."""

    @property
    def uid(self) -> str:
        """The uid that links and alerts use."""
        return f"obskit-{self.name}"


@dataclass(frozen=True, slots=True)
class Breach:
    """What a house rule found, on which panel, and how to fix it."""

    what: str
    fix: str
    panel: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of a house rule: where, which rule, what was found and how to fix it."""

    board: str
    panel: str
    rule: str
    what: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.board} / {self.panel}" if self.panel else self.board
        return f"{place}: {self.rule}: {self.what} {self.fix}"
