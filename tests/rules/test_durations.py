import pytest
from hypothesis import given
from hypothesis import strategies as st

from obskit.rules._durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("1ms", 1),
        ("500ms", 500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1d", 86_400_000),
        ("1w", 604_800_000),
        ("1y", 31_536_000_000),
        ("1m30s500ms", 90_500),
    ],
)
def test_reads_what_prometheus_reads(text, milliseconds):
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "1.5h", "-5m", "5M", "30m1h", "5m5m", "2 minutes"])
def test_refuses_what_prometheus_refuses_and_says_what_is_accepted(text):
    with pytest.raises(ValueError, match="write it like 30s, 5m or 1h30m"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_what_is_written_is_read_back(milliseconds):
    assert parse_duration(format_duration(milliseconds)) == milliseconds


def test_writes_whole_units_and_zero():
    assert [format_duration(ms) for ms in (0, 7_500, 90_000, 259_200_000)] == ["0s", "7s500ms", "1m30s", "3d"]
