"""Reads rendered boards, so that what is checked is what Grafana gets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from obskit.boards._model import JSON

__all__ = [
    "Target",
    "data_links",
    "data_panels",
    "explored",
    "first_choices",
    "panels",
    "prometheus_targets",
    "queries",
    "top_level",
]

_NOT_DATA = ("row", "text")


@dataclass(frozen=True, slots=True)
class Target:
    """One Prometheus query of one panel."""

    panel: str
    panel_type: str
    expr: str
    legend: str
    instant: bool
    exemplar: bool


def top_level(board: JSON) -> list[JSON]:
    """Return the panels that Grafana shows at first: those outside collapsed rows."""
    shown: list[JSON] = board.get("panels", [])
    return shown


def panels(board: JSON) -> Iterator[JSON]:
    """Yield all panels, those of collapsed rows too, without the rows' titles."""
    for panel in top_level(board):
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels", [])


def data_panels(board: JSON) -> Iterator[JSON]:
    """Yield the panels that show data."""
    return (panel for panel in panels(board) if panel["type"] not in _NOT_DATA)


def prometheus_targets(board: JSON) -> Iterator[Target]:
    """Yield the Prometheus queries of all panels."""
    for panel in data_panels(board):
        for target in panel.get("targets", []):
            if target.get("datasource", {}).get("type") == "prometheus":
                yield Target(
                    panel=panel.get("title", ""),
                    panel_type=panel["type"],
                    expr=target.get("expr", ""),
                    legend=target.get("legendFormat", ""),
                    instant=bool(target.get("instant")),
                    exemplar=bool(target.get("exemplar")),
                )


def queries(board: JSON) -> Iterator[tuple[str, str, str]]:
    """Yield panel, type of data source and text of each query of logs and traces, links included."""
    for panel in data_panels(board):
        found = [(one["datasource"]["type"], one) for one in panel.get("targets", [])]
        for link in data_links(panel):
            try:
                opened = explored(link)
            except (ValueError, KeyError, IndexError):
                continue  # the rule about links reports it
            found += [opened] if opened else []
        for kind, query in found:
            if kind in {"loki", "tempo"}:
                yield panel.get("title", ""), kind, query.get("expr") or query.get("query") or ""


def first_choices(board: JSON) -> dict[str, str]:
    """Return the value that each variable has when the board is opened, as it stands in a query."""
    values = {}
    for variable in board.get("templating", {}).get("list", []):
        chosen = variable.get("current", {}).get("value", "")
        every = chosen == ["$__all"]
        values[variable["name"]] = variable.get("allValue", ".+") if every else str(chosen)
    return values


def data_links(panel: JSON) -> list[JSON]:
    """Return where a click on the panel's values leads; a table's cells may have their own."""
    config = panel.get("fieldConfig", {})
    links = list(config.get("defaults", {}).get("links", []))
    for override in config.get("overrides", []):
        for item in override.get("properties", []):
            if item.get("id") == "links":
                links.extend(item["value"])
    return links


def explored(link: JSON) -> tuple[str, dict[str, Any]] | None:
    """Return type of data source and query that an Explore link opens, or None for another link.

    Raises:
        ValueError: the link's address is not one that Explore can read.
    """
    parts = urlsplit(link["url"])
    if parts.path != "/explore":
        return None
    pane = json.loads(parse_qs(parts.query)["panes"][0])["a"]
    query: dict[str, Any] = pane["queries"][0]
    return query["datasource"]["type"], query
