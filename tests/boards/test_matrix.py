"""The coverage matrix, and what the live check makes of answers."""

import dataclasses

from obskit.boards import Asked, as_json, as_markdown, judge

GOOD = Asked("shop", "Orders", "prometheus", "orders", "reqps", "", 2, 1.5, False, 3.0, 1.0)


def made(**changes):
    return dataclasses.replace(GOOD, **changes)


def rules(*asked):
    return [(finding.rule, finding.panel) for finding in judge(asked)]


def test_a_good_answer_is_no_finding():
    assert rules(GOOD) == []


def test_an_empty_panel_is_one_unless_it_says_so():
    assert rules(made(series=0, highest=None, lowest=None)) == [("empty", "Orders")]
    assert rules(made(series=0, highest=None, lowest=None, declared="filled by the fault x")) == []


def test_a_panel_with_one_filled_query_is_not_empty():
    assert rules(GOOD, made(series=0, highest=None, lowest=None, query="more")) == []


def test_an_error_is_one_finding_and_not_an_empty_panel_too():
    assert rules(made(series=0, highest=None, lowest=None, problem="parse error")) == [("error", "Orders")]


def test_nan_alone_and_ratios_outside_their_range_are_found():
    assert rules(made(is_nan=True, highest=None, lowest=None)) == [("NaN", "Orders")]
    assert rules(made(unit="percentunit")) == [("ratio", "Orders")]
    assert rules(made(unit="percentunit", highest=0.5, lowest=-0.5)) == [("ratio", "Orders")]
    assert rules(made(unit="percentunit", highest=1.0, lowest=0.0)) == []


def test_the_matrix_has_a_row_for_each_panel():
    asked = (GOOD, made(query="more", series=1, ms=0.5), made(panel="Stock", series=0, declared="no stock"))
    matrix = as_json(asked)
    assert (matrix["boards"], matrix["panels"], matrix["with_data"], matrix["declared_empty"]) == (1, 2, 1, 1)
    assert matrix["matrix"][0] == {
        "board": "shop", "panel": "Orders", "source": "prometheus", "queries": 2, "series": 3, "ms": 2.0,
        "verdict": "data", "declared": "",
    }  # fmt: skip
    text = as_markdown(asked)
    assert "| shop | Orders | prometheus | 2 | 3 | 2.0 | data |" in text
    assert "| shop | Stock | prometheus | 1 | 0 | 1.5 | declared empty: no stock |" in text


def test_findings_stand_below_the_matrix():
    assert "- shop / Orders: empty: It has no data." in as_markdown([made(series=0)])
