import json

from obskit._assets import asset
from obskit.console._model import PANELS, Board, Boards, Panel, load
from obskit.console._panels import PanelView

BOARDS = load(asset("dashboards", "json"))


def test_boards_are_found_by_uid_and_listed_by_title(tmp_path):
    for uid, title in (("b", "Beta"), ("a", "Zeta"), ("c", "Alpha")):
        (tmp_path / f"{uid}.json").write_text(json.dumps({"uid": uid, "title": title}))
    assert list(load(tmp_path)) == ["c", "b", "a"]


def test_panels_of_collapsed_rows_are_drawn_too():
    row = {"type": "row", "title": "R", "panels": [{"type": "text", "title": "inner"}]}
    assert [panel.title for panel in Board({"panels": [row]}).panels] == ["R", "inner"]


def test_every_panel_type_that_is_promised_is_drawn():
    assert {*PanelView.ALONE, *PanelView.OF_SERIES, "row"} == PANELS


def test_a_query_without_a_data_source_has_that_of_its_panel():
    panel = Panel({"datasource": {"type": "loki"}, "targets": [{"expr": "{}"}, {"datasource": "Metrics"}]})
    assert [target.source for target in panel.targets] == ["loki", "prometheus"]


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
