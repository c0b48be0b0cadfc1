import pytest

from obskit.boards import About, Row, Scale, number
from obskit.boards._layout import arrange

ABOUT = About("Title", "what", "normal", "act")


def sized(*widths):
    return tuple(number(ABOUT, "up", Scale("none"), width=width) for width in widths)


def places(*rows):
    return [[(place["x"], place["y"]) for _, place in placed] for _, _, placed in arrange(rows)]


def test_panels_go_left_to_right_and_wrap_where_the_width_ends():
    assert places(Row("", sized(8, 8, 8, 12, 12))) == [[(0, 0), (8, 0), (16, 0), (0, 4), (12, 4)]]


def test_a_titled_row_begins_below_its_title():
    assert places(Row("", sized(24)), Row("More", sized(24))) == [[(0, 0)], [(0, 5)]]


def test_what_follows_a_collapsed_row_is_right_below_its_title():
    closed, after = Row("Closed", sized(24), collapsed=True), Row("After", sized(24))
    assert places(closed, after) == [[(0, 1)], [(0, 2)]]


@pytest.mark.parametrize("name", ["service", "sync-async"])
def test_no_shipped_panel_leaves_the_grid(shipped, name):
    for panel in shipped[name]["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
