import asyncio
from types import SimpleNamespace

import pytest

from obskit._assets import asset
from obskit.console._model import Board, Panel, load
from obskit.console._panels import PanelView
from obskit.console._undrawable import undrawable
from obskit.console._units import unit

BOARDS = load(asset("dashboards", "json"))


@pytest.mark.parametrize("uid", BOARDS)
def test_the_console_draws_all_of_every_committed_board(uid):
    assert undrawable(BOARDS[uid]) == []


def a_board(**panel):
    return Board({"uid": "x", "title": "X", "panels": [{"title": "P", "type": "stat", **panel}]})


def a_variable(**more):
    return Board({"templating": {"list": [{"name": "v", **more}]}})


@pytest.mark.parametrize(
    ("board", "named"),
    [
        (a_board(type="canvas"), "panel P: the type 'canvas'"),
        (a_board(transformations=[{"id": "joinByField"}]), "panel P: the transformation 'joinByField'"),
        (a_board(fieldConfig={"defaults": {"unit": "furlongs"}}), "'furlongs'"),
        (a_board(targets=[{"datasource": {"type": "mysql"}}]), "panel P: the data source 'mysql'"),
        (
            a_board(fieldConfig={"overrides": [{"matcher": {"id": "byType"}, "properties": []}]}),
            "panel P: the matcher 'byType'",
        ),
        (
            a_board(
                fieldConfig={
                    "overrides": [
                        {
                            "matcher": {"id": "byName"},
                            "properties": [{"id": "custom.axisGridShow", "value": 1}],
                        }
                    ]
                }
            ),
            "panel P: the property 'custom.axisGridShow'",
        ),
        (
            a_board(type="timeseries", transformations=[{"id": "merge"}]),
            "panel P: the transformation 'merge'",
        ),
        (a_board(repeat="service"), "panel P: repeat 'service'"),
        (
            a_board(options={"reduceOptions": {"calcs": ["max"]}}),
            "panel P: options.reduceOptions.calcs ['max']",
        ),
        (
            a_board(fieldConfig={"defaults": {"custom": {"drawStyle": "points"}}}),
            "panel P: custom.drawStyle 'points'",
        ),
        (
            a_board(fieldConfig={"defaults": {"thresholds": {"mode": "percentage"}}}),
            "panel P: thresholds.mode 'percentage'",
        ),
        (
            a_board(fieldConfig={"defaults": {"mappings": [{"type": "regex", "options": {}}]}}),
            "panel P: the mapping 'regex'",
        ),
        (a_variable(type="textbox"), "variable v: the type 'textbox'"),
        (a_variable(type="query", query="query_result(up)"), "variable v: the query 'query_result(up)'"),
        (
            a_variable(type="query", query="label_values(up, job)", regex="a.*"),
            "variable v: the pattern 'a.*'",
        ),
        (
            Board({"annotations": {"list": [{"name": "D", "enable": True, "datasource": {"type": "loki"}}]}}),
            "annotation D: the data source 'loki'",
        ),
        (Board({"panels": [{"id": 7, "libraryPanel": {"uid": "x"}}]}), "panel 7: the type 'library panel'"),
        (a_variable(type="adhoc"), "variable v: the type 'adhoc'"),
    ],
)
def test_what_cannot_be_drawn_is_named(board, named):
    (found,) = undrawable(board)
    assert named in found


def test_what_a_fresh_board_of_grafana_says_is_drawn():
    custom = {"drawStyle": "line", "axisPlacement": "auto", "stacking": {"mode": "none", "group": "A"}}
    defaults = {"custom": custom, "thresholds": {"mode": "absolute", "steps": []}, "mappings": []}
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "textMode": "auto"}
    assert undrawable(a_board(fieldConfig={"defaults": defaults}, options=options)) == []


def read(panel, draw=None):
    """Return what is written on the panel, and its state."""
    written = []
    view = PanelView(Panel(panel), None, None)
    view._content = SimpleNamespace(is_deleted=False)
    view._write = lambda content, state: written.append((content, state))
    view._draw = draw or view._draw
    asyncio.run(view.read(None, ()))
    ((content, state),) = written
    return content, state


def test_a_panel_that_is_not_drawn_says_so_in_its_place():
    content, state = read({"type": "canvas"})
    assert "does not draw panels of the type" in content
    assert state == "failed"


def test_a_panel_with_an_unknown_unit_says_so_in_its_place():
    async def draw(*_):
        unit("furlongs")

    content, state = read({"type": "stat"}, draw)
    assert "furlongs" in content
    assert state == "failed"
