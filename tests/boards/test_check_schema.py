import copy

import pytest

from obskit.boards._check_schema import schema


@pytest.fixture
def board(shipped):
    return copy.deepcopy(next(iter(shipped.values())))


def first_with_data(board):
    return next(panel for panel in board["panels"] if panel["type"] == "stat")


def test_every_board_is_what_the_schema_says(shipped):
    assert [breach for board in shipped.values() for breach in schema(board)] == []


def test_what_the_schema_does_not_know_is_named_with_its_panel(board):
    panel = first_with_data(board)
    panel["fieldConfig"]["defaults"]["colour"] = "red"
    (breach,) = schema(board)

    assert breach.what.endswith("fieldConfig.defaults.colour is nothing that Grafana's schema has there.")
    assert breach.panel == panel["title"]


@pytest.mark.parametrize(
    ("place", "key", "value", "said"),
    [
        (lambda board: board, "graphTooltip", 9, "graph_tooltip is not of the type"),
        (lambda board: board, "title", 3, "title is not of the type"),
        (lambda board: first_with_data(board)["gridPos"], "h", "eight", "grid_pos.h is not of the type"),
        (lambda board: first_with_data(board)["options"], "wobble", True, "options.wobble is nothing"),
    ],
)
def test_a_value_of_another_type_or_an_unknown_option_is_a_breach(board, place, key, value, said):
    place(board)[key] = value

    assert any(said in breach.what for breach in schema(board))


def test_what_cannot_be_read_at_all_is_one_breach(board):
    board["panels"] = [3]
    (breach,) = schema(board)

    assert "cannot read it" in breach.what
