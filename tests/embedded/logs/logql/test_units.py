import re

import pytest

from obskit.embedded.logs.logql import _units


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1h30m", 5_400_000_000_000),
        ("1.5s", 1_500_000_000),
        ("-2ms", -2_000_000),
        ("10µs", 10_000),
        ("0", 0),
        (".5m", 30_000_000_000),
    ],
)
def test_reads_durations_as_go_does(text, nanoseconds):
    assert _units.go_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("5", 'time: missing unit in duration "5"'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("", 'time: invalid duration ""'),
        ("abc", 'time: invalid duration "abc"'),
        ("9999999h", 'time: invalid duration "9999999h"'),
    ],
)
def test_says_what_is_wrong_with_a_duration_in_gos_words(text, problem):
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        _units.go_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5m", 300), ("1d", 86_400), ("1h30m", 5_400), ("1y", 31_536_000), ("0", 0)]
)
def test_reads_durations_as_prometheus_does(text, seconds):
    assert _units.prometheus_duration(text) == seconds * _units.SECOND


@pytest.mark.parametrize("text", ["", "5", "m5", "5m1h", "1.5h", "-5m"])
def test_refuses_what_prometheus_refuses(text):
    with pytest.raises(ValueError, match="duration string"):
        _units.prometheus_duration(text)


def test_writes_durations_as_prometheus_does():
    assert _units.duration_text(721 * 3600 * _units.SECOND) == "30d1h"
    assert _units.duration_text(90 * _units.SECOND) == "1m30s"
    assert _units.duration_text(0) == "0s"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10KB", 10_000),
        ("1.5 MiB", 1_572_864),
        ("42", 42),
        ("1,000B", 1_000),
        ("2gb", 2_000_000_000),
        ("5k", 5_000),
    ],
)
def test_reads_sizes(text, size):
    assert _units.size_in_bytes(text) == size


@pytest.mark.parametrize("text", ["", "KB", "5 parsecs", "99999999EB"])
def test_refuses_what_is_no_size(text):
    with pytest.raises(ValueError, match=r"ParseFloat|size name|too large"):
        _units.size_in_bytes(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (-0.0, "-0"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (123456789012345680.0, "123456789012345680"),
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (12.25, "12.25"),
    ],
)
def test_writes_values_without_an_exponent(value, text):
    assert _units.value_text(value) == text


@pytest.mark.parametrize("text", ["1e3", "-.5", "+7", "Inf", "nan", "1."])
def test_reads_numbers_as_go_does(text):
    _units.go_float(text)


@pytest.mark.parametrize("text", ["", " 1", "1_000", "0x", "1e", "1e999", "one"])
def test_refuses_what_go_refuses_as_a_number(text):
    with pytest.raises(ValueError, match="ParseFloat"):
        _units.go_float(text)
