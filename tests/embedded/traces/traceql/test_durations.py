import pytest
from hypothesis import given
from hypothesis import strategies as st

from obskit.embedded.traces.traceql._durations import go_duration, parse_duration, parse_go_duration

MS, S = 1_000_000, 1_000_000_000


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (S, "1s"),
        (3_300 * MS, "3.3s"),
        (245 * S, "4m5s"),
        (245 * S + MS, "4m5.001s"),
        (18_367 * S + MS, "5h6m7.001s"),
        (8 * 60 * S + 1, "8m0.000000001s"),
        (3_600 * S, "1h0m0s"),
        (-1_500 * MS, "-1.5s"),
    ],
)
def test_prints_as_go(nanos, text):
    assert go_duration(nanos) == text
    assert parse_go_duration(text) == nanos


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_reads_what_it_prints(nanos):
    assert parse_go_duration(go_duration(nanos)) == nanos


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("5d", 5 * 86_400 * S),
        ("1w2d", 9 * 86_400 * S),
        ("1y", 365 * 86_400 * S),
        ("1h30m", 5_400 * S),
        ("1.5h", 5_400 * S),
        (".5s", 500 * MS),
        ("100us", 100_000),
        ("100µs", 100_000),
        ("1s1h", 3_601 * S),
        ("1.5d", None),
        ("d", None),
        ("1", None),
        ("", None),
        ("99999999999h", None),
    ],
)
def test_reads_days_and_more_in_whole_numbers(text, nanos):
    assert parse_duration(text) == nanos
