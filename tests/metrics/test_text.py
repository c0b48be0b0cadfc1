"""The page as text is, byte for byte, what prometheus-client writes of it."""

import math

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeHistogramMetricFamily

from obskit.metrics import render
from obskit.metrics._histogram import Histogram
from obskit.metrics._page import Held, Kept, families, page_of
from obskit.metrics._registry import ServiceRegistry
from obskit.metrics._text import Writer

SERVICE = {"service_name": 'sh"o\\p\n'}
ACCEPTS = [
    "",
    "text/plain;version=0.0.4",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=1.0.0;escaping=underscores",
    "application/openmetrics-text;version=1.0.0;escaping=dots",
    "application/openmetrics-text;version=1.0.0;escaping=values",
]
SUFFIXES = {
    "counter": ["_total"],
    "gauge": [""],
    "histogram": ["_bucket", "_count", "_sum"],
    "summary": ["", "_count", "_sum"],
    "info": ["_info"],
    "stateset": [""],
    "unknown": [""],
}

names = st.sampled_from(["requests", "queue_depth", "http.server.duration", "job:runs", "Größe", "a1"])
labels = st.lists(
    st.tuples(st.sampled_from(["route", "le", "service_name", "http.route", "Maß"]), st.text()),
    unique_by=lambda pair: pair[0],
).map(tuple)
values = st.floats() | st.integers(0, 10**12).map(float)
exemplars = st.none() | st.tuples(
    st.dictionaries(st.sampled_from(["trace_id", "span_id"]), st.text()), st.floats(), st.floats(0, 2e9)
)


@st.composite
def pages(draw):
    page = {}
    for name in draw(st.lists(names, unique=True)):
        kind, unit = draw(st.sampled_from([*SUFFIXES])), draw(st.sampled_from(["", "_seconds"]))
        name += unit  # noqa: PLW2901 - as prometheus-client names what has a unit
        kept = Kept(kind, draw(st.text()), unit[1:], "sum")
        for series in draw(st.lists(labels, unique=True, max_size=3)):
            for suffix in SUFFIXES[kind]:
                may_have = suffix in {"_total", "_bucket"}
                exemplar = draw(exemplars) if may_have else None
                kept.samples[f"{name}{suffix}", series] = Held(draw(values), 0.0, exemplar)
        page[name] = kept
    return page


class Labelled:
    def __init__(self, page):
        self.page = page

    def collect(self):
        for family in families(self.page):
            family.samples = [each._replace(labels=SERVICE | each.labels) for each in family.samples]
            yield family


@given(pages(), st.sampled_from(ACCEPTS))
def test_page_is_what_prometheus_client_writes(page, accept):
    encode, content_type = choose_encoder(accept)
    writer = Writer(SERVICE)
    wanted = encode(Labelled(page))

    assert writer.write(page, encode, content_type) == wanted
    assert writer.write(page, encode, content_type) == wanted, "with the text of the first time"


def test_gauge_histogram_is_left_to_prometheus_client():
    family = GaugeHistogramMetricFamily("waiting", "Waiting.", buckets=[("1", 2), ("+Inf", 3)], gsum_value=4)
    page = page_of([family], {})
    encode, content_type = choose_encoder("")

    assert Writer(SERVICE).write(page, encode, content_type) == encode(Labelled(page))


def test_series_that_is_gone_is_forgotten():
    encode, content_type = choose_encoder("")
    writer = Writer({})
    requests = Kept("gauge", "Requests.", "", "sum", {("requests", (("route", "/"),)): Held(1.0)})

    writer.write({"requests": requests}, encode, content_type)
    writer.write({}, encode, content_type)

    assert not writer._series


@pytest.mark.parametrize("names", [(), ("route", "method")], ids=["alone", "with labels"])
def test_histogram_shows_what_prometheus_clients_shows(names):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram("d_seconds", "D.", names, registry=ours)
    parent = prometheus_client.Histogram("d_seconds", "D.", names, registry=theirs)
    for one in (histogram, parent):
        for route in ("/", "/a"):
            child = one.labels(*[route] * len(names)) if names else one
            child.observe(0.3)
            child.observe(math.inf)

    def shown(registry):
        (family,) = registry.collect()
        return [each[:4] for each in family.samples if not each.name.endswith("_created")]

    assert shown(ours) == shown(theirs)
    assert shown(ours)


def test_users_own_metric_is_on_the_page_with_the_service():
    registry = ServiceRegistry("shop")
    Counter("carts", "Carts.", ["kind"], registry=registry).labels('a"b').inc()

    page, content_type = render(registry, "")

    assert b'carts_total{kind="a\\"b",service_name="shop"} 1.0\n' in page
    assert content_type.startswith("text/plain")
