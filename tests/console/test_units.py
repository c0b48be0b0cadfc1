import pytest

from obskit.console._units import UnknownUnitError, unit


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("s", 0, "0 s"),
        ("s", 0.0123, "12.3 ms"),
        ("s", 0.000004, "4 µs"),
        ("s", 90, "1.5 min"),
        ("s", -0.5, "-500 ms"),
        ("ms", 1500, "1.5 s"),
        ("percentunit", 0.0144, "1.44%"),
        ("percent", 99.9, "99.9%"),
        ("bytes", 123_456_789, "118 MiB"),
        ("reqps", 1234, "1.23 K req/s"),
        ("none", 1_500_000, "1500000"),
        ("none", 3, "3"),
        ("suffix:x", 2.5, "2.5x"),
        (None, 12, "12"),
        ("s", float("nan"), "-"),
        ("s", None, "-"),
        ("s", float("inf"), "∞"),
        ("s", float("-inf"), "-∞"),
    ],
)
def test_numbers_are_written_with_their_unit(name, value, text):
    assert unit(name).text(value) == text


def test_a_board_may_ask_for_decimals():
    assert unit("s").text(0.0123456, 1) == "12.3 ms"
    assert unit("percentunit").text(0.5, 2) == "50.00%"


def test_an_unknown_unit_is_named_with_those_that_are_known():
    with pytest.raises(UnknownUnitError, match=r"'furlongs' cannot be written; known are .*percentunit"):
        unit("furlongs")
