"""A conclusion says only what the repetitions tell apart."""

from sample_services.labs.conclusion import Contrast, conclude
from sample_services.labs.figures import spread_of


def ways(figure, **values):
    return {name: {figure: spread_of(numbers)} for name, numbers in values.items()}


def test_ways_apart_are_put_in_order_with_the_factor():
    found = ways("p95_s", slow=[0.10, 0.12, 0.11], fast=[0.010, 0.012, 0.011])
    assert conclude([Contrast("p95_s")], found) == "p95: fast 11 ms < slow 110 ms, 10 times the least."


def test_spreads_that_overlap_are_no_difference():
    found = ways("p95_s", a=[0.010, 0.012, 0.020], b=[0.019, 0.030, 0.040])
    assert conclude([Contrast("p95_s")], found) == "p95: no difference (a 10 to 20 ms, b 19 to 40 ms)."


def test_neighbours_that_overlap_are_told_apart_from_the_rest_only():
    found = ways("p95_s", a=[0.010], b=[0.050, 0.060, 0.070], c=[0.065, 0.066, 0.067])
    assert conclude([Contrast("p95_s")], found).startswith("p95: a 10 ms < b 60 ms ~ c 66 ms")


def test_nothing_failed_is_said_so():
    assert (
        conclude([Contrast("failed")], ways("failed", a=[0, 0, 0], b=[0, 0, 0]))
        == "failed: none, in any way."
    )


def test_none_against_some_has_no_factor():
    found = ways("failed", with_drain=[0, 0, 0], without=[30, 41, 52])
    assert conclude([Contrast("failed")], found) == "failed: with_drain 0 < without 41."


def test_a_contrast_speaks_of_its_ways_only():
    found = ways("p95_s", a=[0.01], b=[0.02], c=[0.09])
    assert "c" not in conclude([Contrast("p95_s", ("a", "b"))], found).replace("difference", "")


def test_a_figure_that_was_not_measured_is_left_out():
    found = ways("p95_s", a=[0.01], b=[0.02])
    assert (
        conclude([Contrast("done_p95_s"), Contrast("p95_s")], found)
        == "p95: a 10 ms < b 20 ms, 2 times the least."
    )
