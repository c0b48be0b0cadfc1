import math

from obskit.console._model import Panel
from obskit.console._series import Series
from obskit.console._states import Stay, stays, timeline
from obskit.console._window import Window


def series(*values, step=10):
    return Series({}, [n * step for n in range(len(values))], list(values), "breaker <b>")


def test_a_value_stays_until_another_comes():
    assert list(stays(series(0, 0, 1, 1, 0), 10)) == [Stay(0, 20, 0), Stay(20, 40, 1), Stay(40, 50, 0)]


def test_a_gap_ends_a_stay():
    assert list(stays(series(1, math.nan, 1), 10)) == [Stay(0, 10, 1), Stay(20, 30, 1)]


def test_missing_points_end_a_stay():
    assert list(stays(Series({}, [0, 10, 50], [1, 1, 1]), 10)) == [Stay(0, 20, 1), Stay(50, 60, 1)]


def test_nothing_known_is_no_stay():
    assert list(stays(series(math.nan, math.nan), 10)) == []


def test_blocks_have_the_mapped_text_and_colour_and_names_are_escaped():
    mapping = {"type": "value", "options": {"1": {"text": "open", "color": "red"}}}
    panel = Panel({"type": "state-timeline", "fieldConfig": {"defaults": {"mappings": [mapping]}}})

    drawn = timeline(panel, [series(1, 1, 1)], Window(0, 30), 10)

    assert "open" in drawn
    assert "left:0.00%;width:100.00%;background:#e0403f" in drawn
    assert "breaker &lt;b&gt;" in drawn
