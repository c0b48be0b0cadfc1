import pytest

from obskit.console._window import Window, WindowError, duration_s, rate_interval, text_of

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("begin", "until", "seconds"),
    [
        ("now-1h", "now", 3600),
        ("now-2d", "now-1d", 86400),
        ("1799999000000", "1800000000000", 1000),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:05:00+00:00", 300),
    ],
)
def test_times_are_read_as_grafana_writes_them(begin, until, seconds):
    assert Window.parse(begin, until, NOW).seconds == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "now-", "now-1x", "12.5", "2026-13-01"])
def test_what_is_no_time_is_refused_with_what_is_accepted(text):
    with pytest.raises(WindowError, match="write now-1h, Unix milliseconds, or 2026-01-31T12:00:00Z"):
        Window.parse(text, "now", NOW)


def test_a_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(WindowError, match="empty"):
        Window.parse("now", "now-1h", NOW)


@pytest.mark.parametrize(
    ("range_", "least", "step"),
    [("now-5m", 15, 15), ("now-1h", 1, 15), ("now-1h", 15, 15), ("now-24h", 15, 300), ("now-7d", 15, 3600)],
)
def test_steps_are_round_and_no_finer_than_the_scrapes(range_, least, step):
    assert Window.parse(range_, "now", NOW).step(300, least) == step


def test_pages_that_open_at_different_moments_ask_the_same():
    first, second = (Window.parse("now-1h", "now", NOW + shift).aligned(15) for shift in (0.2, 14.8))
    assert (first.start, first.end) == (second.start, second.end)


def test_an_aligned_range_is_never_empty():
    assert Window(NOW, NOW + 1).aligned(60).seconds == 60


@pytest.mark.parametrize(("step", "scrape", "expected"), [(15, 15, 60), (60, 15, 75), (1, 0.25, 1.25)])
def test_the_rate_interval_holds_four_scrapes(step, scrape, expected):
    assert rate_interval(step, scrape) == expected


@pytest.mark.parametrize(("seconds", "text"), [(15, "15s"), (0.25, "250ms"), (3600, "3600s")])
def test_durations_are_written_for_promql(seconds, text):
    assert text_of(seconds) == text


@pytest.mark.parametrize(("text", "seconds"), [("15s", 15), ("1m30s", 90), ("250ms", 0.25), ("1d", 86400)])
def test_durations_of_prometheus_are_read(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "x15s", "1m 30s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(WindowError, match="no duration"):
        duration_s(text)
