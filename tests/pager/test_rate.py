from obskit.pager._rate import Rate


def test_a_burst_of_two_seconds_passes_and_then_the_rate(clock):
    rate = Rate(5, clock)
    assert [rate.allow() for _ in range(12)] == [True] * 10 + [False] * 2
    clock.pass_s(0.4)
    assert [rate.allow() for _ in range(3)] == [True, True, False]


def test_an_idle_time_gives_no_more_than_the_burst(clock):
    rate = Rate(5, clock)
    clock.pass_s(3_600)
    assert sum(rate.allow() for _ in range(100)) == 10


def test_a_rate_below_one_still_lets_one_through(clock):
    rate = Rate(0.1, clock)
    assert [rate.allow(), rate.allow()] == [True, False]
    clock.pass_s(10)
    assert rate.allow()
