import pytest
from prometheus_client.parser import text_string_to_metric_families

ORDERS = {"client": "gateway", "server": "orders"}


def samples(served):
    page = served.client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def of(found, name):
    return {labels: value for (sample, labels), value in found.items() if sample == name}


def test_counts_what_tempos_generator_counted(filled, recorded):
    found = samples(filled)
    for name, series in recorded("generator").items():
        expected = {frozenset(entry["labels"].items()): float(entry["value"]) for entry in series}
        assert of(found, name) == pytest.approx(expected), name


def test_has_the_histograms_and_sizes_of_the_same_series(filled):
    found = samples(filled)
    calls = of(found, "traces_spanmetrics_calls_total")
    assert of(found, "traces_spanmetrics_latency_count") == calls
    assert of(found, "traces_spanmetrics_size_total").keys() == calls.keys()
    bounds = {dict(labels)["le"] for labels in of(found, "traces_spanmetrics_latency_bucket")}
    assert len(bounds) == 15
    assert {"0.002", "16.384", "+Inf"} <= bounds
    requests = of(found, "traces_service_graph_request_total")
    assert of(found, "traces_service_graph_request_client_seconds_count") == requests


def test_counts_a_span_that_is_sent_again_once(served, recorded):
    for _ in range(2):
        assert served.push(recorded("push")).status_code == 200
    assert sum(of(samples(served), "traces_spanmetrics_calls_total").values()) == 260


def test_starts_at_zero_with_the_process(open_backend, spans):
    with open_backend() as served:
        served.push(spans({"kind": 2}))
        assert samples(served)
    with open_backend() as served:
        assert samples(served) == {}


def test_counts_spans_of_any_age(served, spans):
    served.push(spans({"kind": 2, "startTimeUnixNano": "1000000000", "endTimeUnixNano": "2000000000"}))
    found = samples(served)
    assert list(of(found, "traces_spanmetrics_calls_total").values()) == [1]
    assert list(of(found, "traces_service_graph_request_total").values()) == [1]


def test_pairs_halves_of_an_edge_that_arrive_apart_in_either_order(served, spans):
    client = spans({"kind": 3, "spanId": "000000000000000a"}, service="gateway")
    server = spans(
        {"kind": 2, "parentSpanId": "000000000000000a", "spanId": "000000000000000b"}, service="orders"
    )
    for push in (server, client):
        served.push(push)
    assert of(samples(served), "traces_service_graph_request_total") == {frozenset(ORDERS.items()): 1}


def test_takes_a_database_span_as_a_whole_edge(served, spans):
    served.push(spans({"kind": 3, "attributes": {"db.system": "sqlite"}}))
    assert of(samples(served), "traces_service_graph_request_total") == {
        frozenset({"client": "shop", "server": "sqlite", "connection_type": "database"}.items()): 1
    }


def test_takes_a_peer_that_never_answers_as_a_virtual_node(open_backend, clock, spans):
    peer = {"peer.service": "bank"}
    with open_backend(clock=clock) as served:
        served.push(spans({"kind": 3, "attributes": peer}))
        assert of(samples(served), "traces_service_graph_request_total") == {}
        clock.pass_s(10)
        assert of(samples(served), "traces_service_graph_request_total") == {
            frozenset({"client": "shop", "server": "bank", "connection_type": "virtual_node"}.items()): 1
        }


def test_counts_a_failure_of_either_side(served, spans):
    client = spans({"kind": 3, "spanId": "000000000000000a", "status": {"code": 2}}, service="gateway")
    server = spans(
        {"kind": 2, "parentSpanId": "000000000000000a", "spanId": "000000000000000b"}, service="orders"
    )
    for push in (client, server):
        served.push(push)
    assert of(samples(served), "traces_service_graph_request_failed_total") == {frozenset(ORDERS.items()): 1}


def test_makes_no_more_series_than_the_limit(served, spans):
    for start in range(0, 6_000, 2_000):
        made = [{"name": f"n{start + at}", "spanId": f"{start + at + 1:016x}"} for at in range(2_000)]
        assert served.push(spans(*made)).status_code == 200
    found = samples(served)
    assert len(of(found, "traces_spanmetrics_calls_total")) == 5_000
    assert of(found, "traces_generator_series_limited_total") == {frozenset(): 1_000}


def test_writes_labels_that_need_escaping(served, spans):
    served.push(spans({"name": 'say "hi"\n\\ twice'}))
    (labels,) = of(samples(served), "traces_spanmetrics_calls_total")
    assert dict(labels)["span_name"] == 'say "hi"\n\\ twice'
