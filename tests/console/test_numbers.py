import math

from obskit.console._model import Panel
from obskit.console._numbers import course, numbers
from obskit.console._series import Series
from obskit.console._window import Window

STEPS = [{"value": None, "color": "green"}, {"value": 0.5, "color": "red"}]


def panel(**options):
    defaults = {"unit": "s", "thresholds": {"steps": STEPS}}
    return Panel({"type": "stat", "options": options, "fieldConfig": {"defaults": defaults}})


def test_the_last_value_is_shown_in_the_colour_of_its_threshold():
    drawn = numbers(panel(), [Series({}, [0, 10], [0.1, 0.75], "p95")], Window(0, 10))

    assert "750 ms" in drawn
    assert "color: #e0403f" in drawn
    assert "p95</div>" not in drawn  # the title says it


def test_several_series_have_their_names_escaped():
    drawn = numbers(panel(), [Series({}, [0], [1], "<i>a"), Series({}, [0], [2], "b")], Window(0, 10))

    assert "&lt;i&gt;a" in drawn
    assert "<i>" not in drawn


def test_the_course_is_drawn_where_the_board_asks_for_it():
    one = [Series({}, [0, 10], [0.1, 0.2], "a")]

    assert "<svg" in numbers(panel(graphMode="area"), one, Window(0, 10))
    assert "<svg" not in numbers(panel(graphMode="none"), one, Window(0, 10))


def test_a_course_of_equal_values_and_gaps_is_a_line():
    assert "NaN" not in course(Series({}, [0, 5, 10], [1, math.nan, 1]), "red", Window(0, 10))
    assert course(Series({}, [0], [1]), "red", Window(0, 10)) is None
    assert course(Series({}, [0, 5], [math.nan, math.inf]), "red", Window(0, 10)) is None
