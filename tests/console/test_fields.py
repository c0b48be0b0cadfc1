import pytest

from obskit.console._fields import colour_at, field_of
from obskit.console._model import Panel

STEPS = [
    {"color": "green", "value": None},
    {"color": "yellow", "value": 0.01},
    {"color": "red", "value": 0.1},
]
PANEL = Panel(
    {
        "type": "timeseries",
        "fieldConfig": {
            "defaults": {
                "unit": "s",
                "noValue": "no traffic",
                "mappings": [
                    {"type": "value", "options": {"0": {"text": "down", "color": "red"}}},
                    {"type": "range", "options": {"from": 100, "to": None, "result": {"text": "for ever"}}},
                ],
            },
            "overrides": [
                {
                    "matcher": {"id": "byName", "options": "p95"},
                    "properties": [{"id": "unit", "value": "none"}],
                },
                {
                    "matcher": {"id": "byFrameRefID", "options": "B"},
                    "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}}],
                },
                {
                    "matcher": {"id": "byRegexp", "options": "/^5/"},
                    "properties": [{"id": "unit", "value": "ms"}],
                },
            ],
        },
    }
)


@pytest.mark.parametrize(
    ("value", "colour"), [(0, "#3fa66b"), (0.05, "#d9a514"), (0.1, "#e0403f"), (None, "")]
)
def test_the_highest_threshold_that_is_reached_gives_the_colour(value, colour):
    assert colour_at(STEPS, value) == colour


@pytest.mark.parametrize(
    ("name", "ref", "value", "text"),
    [
        ("x", "A", 2.0, "2 s"),
        ("p95", "A", 2.0, "2"),
        ("503", "A", 2.0, "2 ms"),
        ("x", "A", 0.0, "down"),
        ("x", "A", 200.0, "for ever"),
        ("x", "A", None, "no traffic"),
    ],
)
def test_a_field_is_written_by_the_override_that_matches(name, ref, value, text):
    assert field_of(PANEL, name, ref).text(value) == text


def test_a_query_may_have_one_colour():
    assert field_of(PANEL, "x", "B").fixed == "#e0403f"
    assert field_of(PANEL, "x", "A").fixed == ""


def test_a_mapping_gives_a_colour():
    assert field_of(PANEL, "x").colour(0.0) == "#e0403f"
