import pytest

from obskit.pager._text import ago, one_line, printable, rfc3339, utc


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.2, "0 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
        (90_061, "1 d 1 h"),
    ],
)
def test_spans_of_time_in_their_two_largest_units(seconds, text):
    assert ago(seconds) == text


def test_times_are_utc():
    assert rfc3339(1_700_000_000.1234) == "2023-11-14T22:13:20.123Z"
    assert rfc3339(None) is None
    assert utc(1_700_000_000) == "2023-11-14 22:13:20 UTC"


def test_nothing_steers_the_readers_terminal():
    assert printable("a\x1b[2Jb\u202ec\nd\te") == "a�[2Jb�c\nd\te"
    assert one_line("a\n\n b\x00c") == "a b�c"
    assert one_line("x" * 20, limit=10) == "x" * 9 + "…"
