import json
import subprocess
import sys

import pytest

from obskit.boards import About, Board, Column, Line, Onward, Row, Scale, at, boards, number, render, rows
from obskit.boards._panels import graph, latency, stack


def board_of(*panels, name="mine"):
    return Board(
        name=name,
        title="Mine",
        question="Is it well?",
        how_to_read="Look.",
        when_paged="Look harder.",
        rows=(Row("", panels),),
    )


ABOUT = About("Title", "what", "normal", "act", none="nothing yet")


def drawn(panel):
    return json.loads(render(board_of(panel)))["panels"][1]


def test_rendering_in_another_process_gives_the_same_bytes():
    program = (
        "import sys; from obskit.boards import boards, render;"
        "sys.stdout.buffer.write(''.join(map(render, boards())).encode())"
    )
    again = subprocess.run(  # the hash seed of the process must not show
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program], capture_output=True, check=True
    )
    assert again.stdout.decode() == "".join(map(render, boards()))


def test_every_board_has_the_same_stamp():
    board = json.loads(render(board_of()))
    assert board["uid"] == "obskit-mine"
    assert (board["schemaVersion"], board["editable"], board["graphTooltip"]) == (42, False, 1)
    assert (board["refresh"], board["time"]) == ("30s", {"from": "now-1h", "to": "now"})
    assert "Is it well?" in board["panels"][0]["options"]["content"]
    assert [one["name"] for one in board["annotations"]["list"]] == ["Deploys and restarts", "Alerts firing"]


def test_only_the_data_sources_that_are_used_become_variables(shipped):
    names = [one["name"] for one in json.loads(render(board_of()))["templating"]["list"]]
    assert names == ["datasource"]
    assert {"loki_datasource", "tempo_datasource"} <= {
        one["name"] for one in shipped["service"]["templating"]["list"]
    }


def test_a_panel_without_thresholds_says_so_or_grafana_puts_80_there():
    steps = drawn(number(ABOUT, "up", Scale("none")))["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert steps == [{"color": "text", "value": None}]


def test_a_number_with_limits_is_green_below_them():
    panel = drawn(number(ABOUT, "up", Scale("s", at(0.1, 0.5)), Onward(runbooks=("TargetDown",))))
    assert [one["color"] for one in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]] == [
        "green",
        "yellow",
        "red",
    ]
    assert panel["links"][0]["title"] == "Runbook: TargetDown"
    assert panel["fieldConfig"]["defaults"]["noValue"] == "nothing yet"


def test_latency_shows_exemplars_and_a_graph_of_ratios_does_not():
    of = (Line("up", "up"),)
    assert [target["exemplar"] for target in drawn(latency(ABOUT, of, Scale("s")))["targets"]] == [True]
    assert [target["exemplar"] for target in drawn(graph(ABOUT, of, Scale("none")))["targets"]] == [False]


def test_a_dashed_or_coloured_line_is_named_by_its_query_not_by_its_legend():
    of = (Line("up", "{{a}}"), Line("up", "{{b}}", dashed=True, colour="red"))
    (override,) = drawn(graph(ABOUT, of, Scale("none")))["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byFrameRefID", "options": "B"}
    assert {one["id"] for one in override["properties"]} == {"custom.lineStyle", "color"}


def test_a_stack_adds_up():
    panel = drawn(stack(ABOUT, (Line("up", "up"),), Scale("none")))
    assert panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"


def test_a_table_names_and_orders_its_columns():
    columns = (Column("Rate", "reqps", "up"), Column("Ratio", "percentunit", "up", at(None, 0.5)))
    panel = drawn(rows(ABOUT, {"http_route": "Route"}, columns))
    organize = panel["transformations"][1]["options"]
    assert organize["renameByName"] == {"http_route": "Route", "Value #A": "Rate", "Value #B": "Ratio"}
    assert panel["options"]["sortBy"] == [{"desc": True, "displayName": "Rate"}]
    units = {
        one["matcher"]["options"]: one["properties"][0]["value"] for one in panel["fieldConfig"]["overrides"]
    }
    assert units == {"Rate": "reqps", "Ratio": "percentunit"}


@pytest.mark.parametrize("name", ["service", "sync-async"])
def test_no_text_of_a_board_has_the_old_form_of_a_variable(shipped, name):
    assert "[[" not in json.dumps(shipped[name]).replace("[[]]", "")
