import pytest

from obskit.console._model import Panel
from obskit.console._series import Series
from obskit.console._table import table_of


def panel(*transformations, sort=()):
    return Panel(
        {"type": "table", "transformations": list(transformations), "options": {"sortBy": list(sort)}}
    )


def at(value, **labels):
    return Series(labels, [1.0], [value])


ANSWERS = {
    "A": [at(1.0, service="a"), at(3.0, service="b")],
    "B": [at(0.5, service="a"), at(float("nan"), service="c")],
}


def test_answers_with_the_same_labels_share_a_row():
    table = table_of(panel(), ANSWERS)
    assert [dict(row) for row in table.rows] == [
        {"service": "a", "Value #A": 1.0, "Value #B": 0.5},
        {"service": "b", "Value #A": 3.0},
        {"service": "c", "Value #B": None},
    ]


def test_columns_are_left_out_ordered_and_renamed():
    organize = {
        "id": "organize",
        "options": {
            "excludeByName": {"Value #B": True},
            "indexByName": {"Value #A": 0, "service": 1},
            "renameByName": {"Value #A": "Rate", "service": "Service"},
        },
    }
    table = table_of(panel(organize), ANSWERS)
    assert table.columns == ("Rate", "Service")
    assert dict(table.rows[0]) == {"Rate": 1.0, "Service": "a"}


def test_a_query_without_an_answer_keeps_its_column():
    organize = {"id": "organize", "options": {"renameByName": {"Value #B": "Errors"}}}
    assert "Errors" in table_of(panel(organize), {"A": [at(1.0, s="a")], "B": []}).columns


@pytest.mark.parametrize(("falls", "expected"), [(True, ["b", "a", "c"]), (False, ["a", "b", "c"])])
def test_rows_are_sorted_and_rows_without_a_value_come_last(falls, expected):
    table = table_of(panel(sort=[{"displayName": "Value #A", "desc": falls}]), ANSWERS)
    assert [row["service"] for row in table.rows] == expected


def test_one_query_has_one_value_column():
    assert table_of(panel(), {"A": [at(2.0, s="x")]}).columns == ("s", "Value")
