"""The labs that run in one process: each once, with little of everything; counts, never times."""

import asyncio

import pytest

from sample_services.labs.bench import Options
from sample_services.labs.catalogue import find
from sample_services.labs.frame import run_lab

# What is the same at any speed: the medians of these figures, by way.
COUNTS = {
    "n-plus-one-vs-join": {"queries": {"join": 1, "n-plus-one": 21}},
    "index-vs-none": {"queries": {"read, index": 1, "read, none": 1, "write, index": 2, "write, none": 2}},
    "cache-vs-none": {"queries": {"none": 1}},
    "batch-vs-single-inserts": {"queries": {"batch": 2, "one transaction": 101, "single": 200}},
    "retries-vs-none-vs-budget": {"attempts": {"none": 1}},
    "jwt-vs-session-lookup": {"queries": {"jwt": 0, "session-lookup": 1}},
    "gzip-vs-none": {},
    "paginated-vs-full": {"queries": {"paginated": 1, "full": 1}},
    "columns-vs-select-star": {"queries": {"columns": 1, "select-star": 1}},
    "normalised-vs-denormalised": {
        "queries": {
            "read, denormalised": 1,
            "read, normalised": 1,
            "write, denormalised": 5,
            "write, normalised": 3,
        }
    },
}

FEWER = [
    ("gzip-vs-none", "bytes", ("br", "gzip", "none")),
    ("paginated-vs-full", "bytes", ("paginated", "full")),
    ("columns-vs-select-star", "bytes", ("columns", "select-star")),
    ("retries-vs-none-vs-budget", "attempts", ("none", "budget", "retries")),
]


@pytest.fixture(scope="module")
def results():
    """Each lab's result, measured when it is first asked for."""
    known = {}

    def result(name):
        if name not in known:
            options = Options(rate=20, seconds=0.3, repetitions=2, scale=0.02)
            known[name] = asyncio.run(run_lab(find(name), options, lambda _text: None))
        return known[name]

    return result


@pytest.mark.parametrize("name", COUNTS)
def test_a_lab_measures_every_way_and_comes_to_a_conclusion(results, name):
    result = results(name)
    assert tuple(result.measured) == find(name).ways
    for measured in result.measured.values():
        assert len(measured.repetitions) == 2
        assert all(row["sent"] > 0 for row in measured.repetitions)
        assert {"p95_s", "cpu_s", "queries"} <= measured.spreads().keys()
        if name != "retries-vs-none-vs-budget":
            assert not measured.errors
    assert result.conclusion.count(":") >= len(find(name).contrasts)
    for figure, expected in COUNTS[name].items():
        found = {way: result.measured[way].spreads()[figure].median for way in expected}
        assert found == expected


@pytest.mark.parametrize(("name", "figure", "ordered"), FEWER, ids=str)
def test_a_way_that_saves_something_does(results, name, figure, ordered):
    totals = [
        sum(row[figure] * row["sent"] for row in results(name).measured[way].repetitions) for way in ordered
    ]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]


def test_a_cache_asks_the_database_less_than_once_a_call(results):
    found = results("cache-vs-none").measured["cache"]
    assert sum(row["queries"] * row["sent"] for row in found.repetitions) < sum(
        row["sent"] for row in found.repetitions
    )


def test_retries_end_better_for_the_caller_than_none(results):
    measured = results("retries-vs-none-vs-budget").measured
    assert measured["none"].errors.total() > measured["retries"].errors.total()
