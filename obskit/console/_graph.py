"""Who calls whom, over HTTP and over messages, how often, how fast, and what fails."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from obskit.console._ask import Question
from obskit.console._fields import PALETTE
from obskit.console._html import Html, join, link, tag
from obskit.console._series import instant
from obskit.console._shell import Page
from obskit.console._sources import Sources
from obskit.console._theme import Theme
from obskit.console._units import unit

__all__ = ["Edge", "edge_table", "edges_of", "graph_of"]

_BY = "client, server, over"
_OVER = {"": "HTTP", "messaging_system": "messages", "database": "database"}


def _kind(series: str) -> str:
    """Return *series* with the label ``over``: a callee that sends no spans is called over HTTP like others."""
    kinds = "messaging_system|database"
    return f'label_replace(rate({series}[$__rate_interval]), "over", "$1", "connection_type", "({kinds})")'


_RATE = f"sum by ({_BY}) ({_kind('traces_service_graph_request_total')})"
_FAILED = f"sum by ({_BY}) ({_kind('traces_service_graph_request_failed_total')})"
_P95 = (
    f"histogram_quantile(0.95, sum by ({_BY}, le) "
    f"({_kind('traces_service_graph_request_server_seconds_bucket')}))"
)
_FAILS = 0.01


@dataclass(frozen=True, slots=True)
class Edge:
    """One service that calls another: calls a second, the share that fails, and p95 in seconds."""

    client: str
    server: str
    over: str
    """``HTTP``, ``messages`` or ``database``."""
    rate: float
    failed: float
    p95: float | None

    @property
    def is_message(self) -> bool:
        """Whether nobody waits for it."""
        return self.over == "messages"


async def edges_of(sources: Sources, asked: Question) -> list[Edge]:
    """Return who calls whom, the busiest first.

    Raises:
        SourceError: Prometheus cannot be asked.
    """
    rates, failed, slow = [
        {
            _key(one.labels): one.values[-1]
            for one in await instant(sources.prometheus, text, asked.window.end)
            if not math.isnan(one.values[-1])
        }
        for text in (asked.fill(_RATE), asked.fill(_FAILED), asked.fill(_P95))
    ]
    found = [
        Edge(
            client,
            server,
            over,
            rate,
            failed.get((client, server, over), 0.0) / rate,
            slow.get((client, server, over)),
        )
        for (client, server, over), rate in rates.items()
        if rate > 0
    ]
    return sorted(found, key=lambda edge: -edge.rate)


def edge_table(edges: Sequence[Edge], page: Page) -> Html:
    """Return *edges* as a table whose rows lead to the called service."""
    head = tag("tr", join([tag("th", name) for name in ("From", "To", "Over", "Rate", "Failed", "p95")]))
    rows = [
        tag(
            "tr",
            tag("td", edge.client),
            tag(
                "td",
                link(edge.server, page.address("/d/obskit-service", **{"var-service": edge.server})),
            ),
            tag("td", edge.over),
            tag("td", unit("ops").text(edge.rate)),
            tag(
                "td",
                unit("percentunit").text(edge.failed),
                class_="red" if edge.failed > _FAILS else None,
            ),
            tag("td", unit("s").text(edge.p95)),
        )
        for edge in edges
    ]
    return tag("table", head, join(rows), class_="plain")


def _key(labels: Mapping[str, str]) -> tuple[str, str, str]:
    return labels.get("client", ""), labels.get("server", ""), _OVER[labels.get("over", "")]


def graph_of(edges: Sequence[Edge], theme: Theme) -> dict[str, Any]:
    """Return the chart of the map: callers left, what they call right of them."""
    names = list(dict.fromkeys(name for edge in edges for name in (edge.client, edge.server)))
    columns = _columns(names, edges)
    places: dict[int, int] = {}
    nodes = []
    for name in names:
        column = columns[name]
        row = places[column] = places.get(column, -1) + 1
        nodes.append(
            {
                "name": name,
                "x": column * 260,
                "y": row * 120 + (column % 2) * 50,
                "itemStyle": {"color": PALETTE[0]},
                "label": {"show": True, "position": "bottom", "color": theme.text, "fontSize": 13},
            }
        )
    return {
        "animation": False,
        "tooltip": {"confine": True, "backgroundColor": theme.panel, "textStyle": {"color": theme.text}},
        "series": [
            {
                "type": "graph",
                "layout": "none",
                "roam": True,
                "symbolSize": 34,
                "edgeSymbol": ["none", "arrow"],
                "edgeSymbolSize": 9,
                "data": nodes,
                "links": [_line(edge, theme) for edge in edges],
                "lineStyle": {"opacity": 0.9},
            }
        ],
    }


def _line(edge: Edge, theme: Theme) -> dict[str, Any]:
    text = f"{unit('ops').text(edge.rate)}  {unit('s').text(edge.p95)}"
    failed = f"  {unit('percentunit').text(edge.failed)} failed" if edge.failed > _FAILS else ""
    return {
        "source": edge.client,
        "target": edge.server,
        "lineStyle": {
            "type": "dashed" if edge.is_message else "solid",
            "color": "#e0403f" if failed else theme.faint,
            "curveness": 0.25 if edge.is_message else 0.05,
            "width": min(1 + math.log1p(edge.rate), 6),
        },
        "label": {"show": True, "formatter": text + failed, "color": theme.faint, "fontSize": 11},
    }


def _columns(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return how many calls each service is away from the outside; a circle ends the count."""
    columns = dict.fromkeys(names, 0)
    calls = [edge for edge in edges if not edge.is_message] or list(edges)
    for _ in names:
        for edge in calls:
            columns[edge.server] = max(columns[edge.server], min(columns[edge.client] + 1, len(names) - 1))
    return columns
