"""Guessing: enough failures of one subject in a short time, of a bounded number of subjects."""

from obskit.auth import Guesses


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_every_nth_failure_within_the_time_is_noticed():
    guesses = Guesses(failures=3, clock=Clock())
    assert [guesses.failed("ada") for _ in range(7)] == [False, False, True, False, False, True, False]


def test_failures_that_are_too_old_do_not_count():
    clock = Clock()
    guesses = Guesses(failures=2, within_s=300, clock=clock)
    assert not guesses.failed("ada")
    clock.now = 300
    assert not guesses.failed("ada")
    clock.now = 599
    assert guesses.failed("ada")


def test_subjects_are_bounded_kept_apart_and_not_kept_in_clear():
    guesses = Guesses(failures=2, max_subjects=100, clock=Clock())
    for number in range(1000):
        assert not guesses.failed(f"user{number}")
    assert len(guesses._failed) == 100
    assert guesses.failed("user999")
    assert not guesses.failed("user0")
    assert b"user999" not in guesses._failed


def test_any_text_is_a_subject():
    guesses = Guesses(failures=1)
    assert guesses.failed("\ud800")
    assert guesses.failed("")
