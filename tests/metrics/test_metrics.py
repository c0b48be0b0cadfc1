"""Metrics: series caps, the page and its formats."""

import pytest
from prometheus_client import Counter, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_text

from obskit.catalog import LOG_RECORDS, SENT, SERVER_DURATION
from obskit.config import Settings
from obskit.metrics import Counts, Metrics, render

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
SENT_NAME = "messaging_client_sent_messages_total"


@pytest.fixture
def metrics():
    return Metrics(Settings.load({"service": "shop", "max_series": 3}))


def test_label_sets_beyond_the_cap_share_the_overflow_series(metrics):
    for number in range(10):
        metrics.counter(SENT, f"subject-{number}", "").inc()
    value = metrics.registry.get_sample_value
    assert value(SENT_NAME, {"messaging_destination_name": "subject-2", "error_type": ""}) == 1
    assert value(SENT_NAME, {"messaging_destination_name": "subject-3", "error_type": ""}) is None
    overflow = {"messaging_destination_name": "_OVERFLOW", "error_type": "_OVERFLOW"}
    assert value(SENT_NAME, overflow) == 7
    assert metrics.registry.overflowed.total() == 7


def test_metrics_of_the_user_are_kept_within_the_cap_too(metrics):
    orders = Counter("orders", "Orders.", ["user", "kind"], registry=metrics.registry)
    took = Histogram("took", "Time.", ["user"], registry=metrics.registry)
    for number in range(10):
        orders.labels(user=f"u-{number}", kind="new").inc()
        orders.labels("u-0", "new").inc()
        took.labels(f"u-{number}").observe(1)
    value = metrics.registry.get_sample_value
    assert value("orders_total", {"user": "u-0", "kind": "new"}) == 11
    assert value("orders_total", {"user": "_OVERFLOW", "kind": "_OVERFLOW"}) == 7
    assert value("took_count", {"user": "_OVERFLOW"}) == 7
    assert len(orders._metrics) == len(took._metrics) == 4
    assert metrics.registry.overflowed == {"orders": 7, "took": 7}
    for wrong in (("u-9",), ("u-9", "new", "more")):
        with pytest.raises(ValueError, match="Incorrect label"):
            orders.labels(*wrong)
    with pytest.raises(ValueError, match="Incorrect label"):
        orders.labels(user="u-9")


def test_series_known_before_the_cap_go_on_counting(metrics):
    for number in (0, 1, 2, 3, 0):
        metrics.counter(SENT, f"subject-{number}", "").inc()
    first = {"messaging_destination_name": "subject-0", "error_type": ""}
    assert metrics.registry.get_sample_value(SENT_NAME, first) == 2


def test_wrong_number_of_values_names_the_labels(metrics):
    with pytest.raises(ValueError, match="has the labels"):
        metrics.counter(SENT, "only one")


def test_page_is_openmetrics_with_exemplars_for_who_asks_and_text_for_others(metrics):
    labels = ("GET", "/", "200", "", "ok")
    metrics.histogram(SERVER_DURATION, *labels).observe(0.3, {"trace_id": "a" * 32})
    body, content_type = render(metrics.registry, OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    families = {family.name: family for family in openmetrics(body.decode())}
    exemplars = [sample.exemplar for sample in families[SERVER_DURATION.name].samples if sample.exemplar]
    assert [exemplar.labels for exemplar in exemplars] == [{"trace_id": "a" * 32}]
    body, content_type = render(metrics.registry, "text/plain")
    assert content_type.startswith("text/plain")
    samples = [sample for family in prometheus_text(body.decode()) for sample in family.samples]
    assert {sample.labels["service_name"] for sample in samples} == {"shop"}
    assert not [sample.name for sample in samples if sample.name.endswith("_created")]


def test_counts_are_read_when_the_page_is_asked_for(metrics):
    written = {("info",): 0.0}
    metrics.registry.register(Counts(LOG_RECORDS, lambda: written))
    written["info",] = 5
    assert metrics.registry.get_sample_value(LOG_RECORDS.name, {"level": "info"}) == 5
