import math

from obskit.console._gauges import gauges
from obskit.console._model import Panel
from obskit.console._series import Series
from obskit.console._theme import Theme

PANEL = Panel(
    {
        "type": "gauge",
        "fieldConfig": {
            "defaults": {
                "unit": "percentunit",
                "min": 0,
                "max": 1,
                "thresholds": {"steps": [{"value": None, "color": "green"}, {"value": 0.8, "color": "red"}]},
            }
        },
    }
)


def dials(*values):
    return gauges(PANEL, [Series({}, [0], [value], f"s{value}") for value in values], Theme.of(dark=True))[
        "series"
    ]


def test_a_dial_has_its_value_in_words_and_its_threshold_on_the_rim():
    (dial,) = dials(0.9)

    assert dial["detail"]["formatter"] == "90%"
    assert [end for end, _ in dial["axisLine"]["lineStyle"]["color"]] == [0.8, 1.0]
    assert dial["progress"]["itemStyle"]["color"] == "#e0403f"


def test_what_is_not_known_has_no_needle():
    (dial,) = dials(math.nan)

    assert dial["progress"]["show"] is False
    assert dial["detail"]["formatter"] == "-"


def test_several_dials_stand_beside_each_other_with_their_names():
    first, second = dials(0.1, 0.2)

    assert first["center"] != second["center"]
    assert first["data"][0]["name"] == "s0.1"
