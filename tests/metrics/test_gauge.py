import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from obskit.metrics._gauge import Gauge


def page(kind):
    registry = CollectorRegistry()
    gauge = kind("requests", "Requests.", ["method"], registry=registry)
    gauge.labels("GET").inc()
    gauge.labels("GET").inc(2.5)
    gauge.labels("POST").dec()
    gauge.labels("POST").dec(0.5)
    return generate_latest(registry)


def test_it_counts_as_prometheus_client_does():
    assert page(Gauge) == page(prometheus_client.Gauge)


@pytest.mark.parametrize("step", ["inc", "dec"])
def test_a_family_without_its_labels_refuses(step):
    gauge = Gauge("requests", "Requests.", ["method"], registry=CollectorRegistry())
    with pytest.raises(ValueError, match="label"):
        getattr(gauge, step)()


@pytest.mark.parametrize("step", ["inc", "dec"])
def test_one_that_keeps_the_latest_refuses(step):
    gauge = Gauge("moment", "Moment.", registry=CollectorRegistry(), multiprocess_mode="mostrecent")
    with pytest.raises(RuntimeError, match="mostrecent"):
        getattr(gauge, step)()
