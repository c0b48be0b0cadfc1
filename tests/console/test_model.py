import json

import pytest

from obskit._assets import asset
from obskit.console._model import PANELS, Board, Boards, load, undrawable
from obskit.console._panels import PanelView

BOARDS = load(asset("dashboards", "json"))


@pytest.mark.parametrize("uid", BOARDS)
def test_the_console_draws_all_of_every_committed_board(uid):
    assert undrawable(BOARDS[uid]) == []


def a_board(**panel):
    return Board({"uid": "x", "title": "X", "panels": [{"title": "P", "type": "stat", **panel}]})


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
            Board({"uid": "x", "title": "X", "templating": {"list": [{"name": "v", "type": "adhoc"}]}}),
            "variable v: the type 'adhoc'",
        ),
    ],
)
def test_what_cannot_be_drawn_is_named(board, named):
    (found,) = undrawable(board)
    assert named in found


def test_boards_are_found_by_uid_and_listed_by_title(tmp_path):
    for uid, title in (("b", "Beta"), ("a", "Zeta"), ("c", "Alpha")):
        (tmp_path / f"{uid}.json").write_text(json.dumps({"uid": uid, "title": title}))
    assert list(load(tmp_path)) == ["c", "b", "a"]


def test_panels_of_collapsed_rows_are_drawn_too():
    row = {"type": "row", "title": "R", "panels": [{"type": "text", "title": "inner"}]}
    assert [panel.title for panel in Board({"panels": [row]}).panels] == ["R", "inner"]


def test_every_panel_type_that_is_promised_is_drawn():
    assert {*PanelView.ALONE, *PanelView.OF_SERIES, "row"} == PANELS


def test_boards_of_ones_own_come_and_go_while_it_runs(tmp_path):
    shipped = asset("dashboards", "json")
    boards = Boards(shipped, tmp_path / "own")
    assert list(boards) == list(BOARDS)

    (tmp_path / "own").mkdir()
    mine = tmp_path / "own" / "mine.json"
    mine.write_text(json.dumps({"uid": "mine", "title": "A board of mine", "panels": []}))
    assert next(iter(boards)) == "mine"
    assert len(boards) == len(BOARDS) + 1

    mine.unlink()
    assert "mine" not in boards


def test_a_board_that_is_just_being_removed_is_left_out(tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"uid": "mine", "title": "A board of mine", "panels": []}))
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    boards = Boards(tmp_path)

    shown = boards.values()
    mine.unlink()
    assert [board.uid for board in shown] == ["mine"]
    assert list(boards) == []
