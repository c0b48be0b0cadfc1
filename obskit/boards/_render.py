"""Renders a board to Grafana's classic JSON and stamps on what all boards share."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from obskit.boards._foreign import STARTED
from obskit.boards._layout import Place, arrange
from obskit.boards._links import board_link, boards_link, runbook_link
from obskit.boards._model import JSON, Board, Panel, Row
from obskit.boards._queries import SERVICE, WINDOW
from obskit.boards._sdk import JSONEncoder, dashboard, models
from obskit.boards._tables import header
from obskit.boards._variables import LOKI, PROMETHEUS, TEMPO, datasources

__all__ = ["SCHEMA", "TAG", "render", "to_json", "written"]

TAG = "obskit"
SCHEMA = 42
"""Version of Grafana's classic schema; the SDK's builder writes it, Grafana 10 to 13 read it."""

_FOR_INTERVALS = ("auto", "auto_count", "auto_min")
"""What the SDK writes for every variable, and Grafana's schema has for those of type interval only."""

_RESTARTS = f"changes({STARTED.name}{{{SERVICE}}}[{WINDOW}]) > 0"
_FIRING = f'ALERTS{{alertstate="firing", alertname!="Watchdog", {SERVICE}}}'


def render(board: Board) -> str:
    """Return the board's JSON text; the same board gives the same bytes, whatever the SDK's order."""
    return written(to_json(board))


def written(board: JSON) -> str:
    """Return the text of a rendered board."""
    return json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def to_json(board: Board) -> JSON:
    """Return the board as Grafana's classic JSON."""
    panels = list(_panels((Row("", (_header(board),)), *board.rows)))
    builder = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.question)
        .tags([TAG])
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-1h", "now")
        .timezone("browser")
        .variables([*datasources(_sources(panels)), *board.variables])
    )
    annotations = [
        _annotation("Deploys and restarts", _RESTARTS, "blue", "{{service_name}} started"),
        _annotation("Alerts firing", _FIRING, "red", "{{alertname}} {{service_name}}"),
    ]
    stamped = {"panels": panels, "links": [boards_link(TAG)], "annotations": {"list": annotations}}
    plain = _plain(builder.build())
    for variable in plain["templating"]["list"]:
        for key in _FOR_INTERVALS:
            variable.pop(key, None)
    return {**plain, **stamped}


def _header(board: Board) -> Panel:
    return header(f"**{board.question}** {board.how_to_read}\n\n**Paged?** {board.when_paged}")


def _panels(rows: tuple[Row, ...]) -> Iterator[JSON]:
    ids = count(1)
    for row, top, placed in arrange(rows):
        inside = None
        if row.title:
            title: JSON = _row_title(row, next(ids), top)
            inside = title["panels"] if row.collapsed else None
            yield title
        drawn = [_panel(panel, next(ids), place) for panel, place in placed]
        if inside is None:
            yield from drawn
        else:
            inside.extend(drawn)


def _row_title(row: Row, number: int, y: int) -> JSON:
    place = {"x": 0, "y": y, "w": 24, "h": 1}
    return {
        "type": "row",
        "id": number,
        "title": row.title,
        "collapsed": row.collapsed,
        "panels": [],
        "gridPos": place,
    }


def _panel(panel: Panel, number: int, place: Place) -> JSON:
    drawn: JSON = {**_plain(panel.builder.build()), "id": number, "gridPos": place}
    links = [link.to_json(at_point=panel.at_point) for link in panel.onward.links]
    if links:
        drawn["fieldConfig"]["defaults"]["links"] = links
    menu = [runbook_link(alert) for alert in panel.onward.runbooks]
    menu += [board_link(link.to_json(at_point=False)) for link in panel.onward.boards]
    if menu:
        drawn["links"] = menu
    return drawn


def _sources(panels: list[JSON]) -> frozenset[str]:
    """Return the data source variables that the panels name; the annotations always ask Prometheus."""
    text = json.dumps(panels)
    named = (str(ref.uid).strip("${}") for ref in (PROMETHEUS, LOKI, TEMPO) if f"{ref.uid}" in text)
    return frozenset({"datasource", *named})


def _annotation(name: str, expr: str, colour: str, title: str) -> JSON:
    return {
        "name": name,
        "datasource": PROMETHEUS.to_json(),
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": expr,
        "titleFormat": title,
    }


def _plain(built: Any) -> JSON:
    plain: JSON = json.loads(json.dumps(built, cls=JSONEncoder))
    return plain
