"""A retry budget: a share of the calls, refilled by time and load, shared by threads."""

import gc
import threading

import pytest
import stamina

import obskit
from obskit.resilience import Allowance, RetryBudget

QUICK = {"wait_initial": 0.001, "wait_max": 0.001, "wait_jitter": 0}
REMAINING = "obskit_retry_budget_remaining_ratio"
REFUSED = "obskit_retry_budget_refused_total"


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def budget(clock, **allowance):
    return RetryBudget("payments", Allowance(**allowance), obskit.init, clock)


def test_burst_is_spent_refused_and_refilled_by_time(captured):
    clock = Clock()
    tokens = budget(clock, burst=2, min_per_s=0.5, ratio=0)
    assert [tokens.spend() for _ in range(3)] == [True, True, False]
    assert captured.value(REFUSED, dependency="payments") == 1
    assert captured.value(REMAINING, dependency="payments") == 0
    clock.now += 2
    assert tokens.spend()
    assert not tokens.spend()


def test_each_call_allows_its_ratio_of_retries(captured):
    tokens = budget(Clock(), burst=10, min_per_s=0, ratio=0.25)
    while tokens.spend():
        pass
    for _ in range(8):
        with obskit.dependency("payments", "charge", retry_budget=tokens):
            pass
    assert captured.value(REMAINING, dependency="payments") == 0.2
    assert [tokens.spend() for _ in range(3)] == [True, True, False]


def test_exhaustion_is_logged_once_until_the_budget_is_back(captured):
    clock = Clock()
    tokens = budget(clock, burst=1, min_per_s=1, ratio=0)
    for _ in range(4):
        tokens.spend()
    assert len(captured.events("retry.budget_exhausted")) == 1
    clock.now += 5
    for _ in range(3):
        tokens.spend()
    assert len(captured.events("retry.budget_exhausted")) == 2
    assert captured.value(REFUSED, dependency="payments") == 5


def test_stamina_stops_retrying_when_the_budget_is_used_up(captured):
    tokens = budget(Clock(), burst=2, min_per_s=0, ratio=0)
    attempts = []

    @stamina.retry(on=tokens.on(ConnectionError), attempts=10, **QUICK)
    def charge():
        attempts.append(1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        charge()
    assert len(attempts) == 3
    with pytest.raises(ConnectionError):
        charge()
    assert len(attempts) == 4


def test_other_errors_cost_nothing_and_a_predicate_may_say_how_long_to_wait(captured):
    tokens = budget(Clock(), burst=2, min_per_s=0, ratio=0)
    assert tokens.on((ConnectionError, OSError))(ValueError()) is False
    assert tokens.remaining == 1
    assert tokens.on(lambda _: 0.0)(ValueError()) == 0.0
    assert tokens.remaining == 0.5
    assert tokens.on(lambda _: False)(ValueError()) is False
    assert tokens.remaining == 0.5


def test_threads_never_get_more_than_there_is(captured):
    tokens = budget(Clock(), burst=50, min_per_s=0, ratio=0)
    granted = []

    def take():
        granted.extend(tokens.spend() for _ in range(40))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(granted), sum(granted)) == (160, 50)


def test_budget_made_before_init_is_shown_from_init_on_while_it_lives():
    tokens = obskit.retry_budget("ledger")
    registry = obskit.init(log_format="none").registry
    assert registry.get_sample_value(REMAINING, {"dependency": "ledger"}) == 1
    assert registry.get_sample_value(REFUSED, {"dependency": "ledger"}) == 0
    obskit.shutdown()
    del tokens
    gc.collect()
    registry = obskit.init(log_format="none").registry
    assert registry.get_sample_value(REMAINING, {"dependency": "ledger"}) is None


@pytest.mark.parametrize("wrong", [{"ratio": -0.1}, {"burst": 0}, {"min_per_s": float("nan")}])
def test_numbers_that_make_no_budget_are_refused_with_what_is_accepted(wrong):
    with pytest.raises(obskit.ConfigError, match=r"use a number, [01] or more"):
        obskit.retry_budget("payments", **wrong)
