"""Where a click on a panel leads: the same service and time in logs and traces, or another board."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from obskit.boards._model import JSON

__all__ = [
    "CHOSEN",
    "RUNBOOKS",
    "BoardLink",
    "ExploreLink",
    "PageLink",
    "board_link",
    "boards_link",
    "logs_link",
    "next_board",
    "row",
    "runbook_link",
    "series",
    "traces_link",
]

RUNBOOKS = "http://127.0.0.1:8601/runbooks"
"""Where the pager serves ``alerts/runbooks``; the rules' ``runbook_url`` has the same base."""

CHOSEN = "${service:pipe}"
"""The services that the reader chose, as a regular expression: a|b, or .+ for all."""


def series(label: str) -> str:
    """Return the clicked line's value of *label*; the query has to keep that label."""
    return f"${{__field.labels.{label}}}"


def row(column: str) -> str:
    """Return the clicked table row's value in the column with the one-word heading *column*."""
    return f"${{__data.fields.{column}}}"


@dataclass(frozen=True, slots=True)
class ExploreLink:
    """Opens Grafana's Explore with one query."""

    title: str
    source: str
    """Type of the data source: loki or tempo."""
    query: tuple[tuple[str, Any], ...]

    def to_json(self, *, at_point: bool) -> JSON:
        """Return Grafana's form.

        A value at a moment is made from what came just before it, so the range ends at the
        clicked moment and the newest lines, which Explore shows first, are those that made it.
        """
        uid = f"${{{self.source}_datasource}}"
        query = {"refId": "A", "datasource": {"type": self.source, "uid": uid}, **dict(self.query)}
        end = "${__value.time}" if at_point else "${__to}"
        pane = {"datasource": uid, "queries": [query], "range": {"from": "${__from}", "to": end}}
        # Grafana fills ${...} into the address as it stands, so those characters stay unescaped.
        text = quote(json.dumps({"a": pane}, separators=(",", ":")), safe="${}:,._[]")
        return {"title": self.title, "url": f"/explore?schemaVersion=1&panes={text}", "targetBlank": True}


@dataclass(frozen=True, slots=True)
class BoardLink:
    """Opens another board, filled in, at the same time range."""

    title: str
    uid: str
    variables: tuple[tuple[str, str], ...] = ()
    keeps: tuple[str, ...] = ()
    """Variables whose choice is taken along."""

    def to_json(self, *, at_point: bool) -> JSON:  # noqa: ARG002 - a board always takes the whole range
        """Return Grafana's form."""
        chosen = "".join(f"&var-{name}={value}" for name, value in self.variables)
        # Grafana writes queryparam as var-service=a&var-service=b.
        chosen += "".join(f"&${{{name}:queryparam}}" for name in self.keeps)
        return {
            "title": self.title,
            "url": f"/d/{self.uid}?${{__url_time_range}}{chosen}",
            "targetBlank": False,
        }


@dataclass(frozen=True, slots=True)
class PageLink:
    """Opens a page outside Grafana, such as a runbook or the pager's list of incidents."""

    title: str
    url: str

    def to_json(self, *, at_point: bool) -> JSON:  # noqa: ARG002 - a page has no time range
        """Return Grafana's form."""
        return {"title": self.title, "url": self.url, "targetBlank": True}


def logs_link(
    service: str = CHOSEN, *, level: str = "", pipeline: str = "", title: str = "Logs"
) -> ExploreLink:
    """Lead to the log lines of *service*, a regular expression; ``level="error|critical"`` narrows them."""
    levels = f', level=~"{level}"' if level else ""
    expr = f'{{service_name=~"{service}"{levels}}}{pipeline}'
    return ExploreLink(title, "loki", (("expr", expr), ("queryType", "range")))


def traces_link(service: str = CHOSEN, *conditions: str, title: str = "Traces") -> ExploreLink:
    """Lead to the traces of *service*, a regular expression, that meet all TraceQL *conditions*."""
    condition = " && ".join((f'resource.service.name=~"{service}"', *conditions))
    return ExploreLink(
        title, "tempo", (("query", f"{{{condition}}}"), ("queryType", "traceql"), ("limit", 20))
    )


def runbook_link(alert: str) -> JSON:
    """Return the panel's menu entry for the runbook of *alert*."""
    return _menu("link", f"Runbook: {alert}", icon="doc", url=f"{RUNBOOKS}/{alert}", targetBlank=True)


def boards_link(tag: str) -> JSON:
    """Return the menu of all boards with *tag*, which keeps the choices and the time."""
    menu: JSON = {"tags": [tag], "asDropdown": True, "includeVars": True, "keepTime": True}
    return _menu("dashboards", "Boards", icon="external link", **menu)


def next_board(name: str, title: str) -> BoardLink:
    """Lead to the board *name*, for the services that the reader chose."""
    return BoardLink(title, f"obskit-{name}", keeps=("service",))


def board_link(link: JSON) -> JSON:
    """Return the panel's menu entry for a board, from the form that data links have."""
    return _menu("link", link["title"], icon="dashboard", url=link["url"], targetBlank=False)


def _menu(kind: str, title: str, **changes: Any) -> JSON:
    # Grafana's schema wants every key, also those that the kind does not use.
    return {
        "type": kind,
        "title": title,
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "targetBlank": False,
        "tooltip": "",
        "url": "",
        **changes,
    }
