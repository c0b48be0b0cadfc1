import math

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest

from obskit.metrics._histogram import Histogram

AMOUNTS = (-1.0, 0.0, 0.05, 0.1, 0.1000001, 0.5, 1.0, 2.0, math.inf, math.nan)


def page(kind):
    registry = CollectorRegistry()
    histogram = kind("work_seconds", "Work.", ["kind"], registry=registry, buckets=(0.1, 0.5, 1.0))
    for amount in AMOUNTS[:-2]:
        histogram.labels("plain").observe(amount)
    for amount in AMOUNTS:
        histogram.labels("odd").observe(amount)
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_it_counts_as_prometheus_client_does():
    assert page(Histogram) == page(prometheus_client.Histogram)


def test_exemplar_is_that_of_the_bucket():
    registry = CollectorRegistry()
    histogram = Histogram("work_seconds", "Work.", registry=registry, buckets=(0.1, 1.0))
    histogram.observe(0.5, {"trace_id": "a" * 32, "span_id": "b" * 16})
    (line,) = [line for line in generate_latest(registry).decode().splitlines() if " # {" in line]
    assert 'le="1.0"' in line
    assert f'trace_id="{"a" * 32}"' in line


def test_exemplar_of_somebody_else_is_checked():
    with pytest.raises(ValueError, match=r"[Ee]xemplar"):
        Histogram("work_seconds", "Work.", registry=CollectorRegistry()).observe(0.5, {"other": "x" * 200})


def test_parent_of_labelled_ones_takes_nothing():
    histogram = Histogram("work_seconds", "Work.", ["kind"], registry=CollectorRegistry())
    with pytest.raises(ValueError, match="missing label values"):
        histogram.observe(1)
