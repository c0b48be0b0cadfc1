"""Label values without a bound are found and named."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

import obskit
from obskit.catalog import SERVER_DURATION
from obskit.testing import assert_no_unbounded_labels

SERVER = "http_server_request_duration_seconds"


@pytest.fixture
def registry():
    return CollectorRegistry()


def counted(registry, label, *values):
    counter = Counter("seen", "Seen.", [label], registry=registry)
    for value in values:
        counter.labels(value).inc()
    return registry


@pytest.mark.parametrize(
    ("label", "value", "reason"),
    [
        ("user", "b3b0c4f2-9a1e-4c55-8a57-8a5a0b3f2f11", "a UUID"),
        ("user", "ada@example.org", "an e-mail address"),
        ("order", "41", "a number"),
        ("route", "/orders/41", "a number"),
        ("route", "/users/ada@example.org", "an e-mail address"),
        ("route", "/traces/4bf92f3577b34da6a3ce929d0e0e4736", "an id in hex"),
        ("day", "2026-03-01T12:00:00Z", "a time"),
        ("url", "/find?name=ada", "a query string"),
        ("text", "x" * 121, "longer than 120 characters"),
        ("http_request_method", "PURGE", "outside its bound"),
        ("http_response_status_code", "999", "outside its bound"),
        ("level", "fatal", "outside its bound"),
        ("db_client_connection_pool_name", "b3b0c4f2-9a1e-4c55-8a57-8a5a0b3f2f11.db", "a UUID"),
        ("kind", "_OVERFLOW", "the metric reached its series cap"),
    ],
)
def test_value_without_a_bound_is_named(registry, label, value, reason):
    with pytest.raises(AssertionError) as caught:
        assert_no_unbounded_labels(counted(registry, label, "fine", value))

    assert f"seen{{{label}}}" in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("http_route", ["/v1/orders/{id}", "unmatched", "/oauth2/token", "/static/{path}"]),
        ("http_response_status_code", ["200", "404", ""]),
        ("error_type", ["503", "KeyError", ""]),
        ("db_client_connection_pool_name", ["127.0.0.1:5433/shop", "db-2.internal/shop", "shop.db"]),
        ("server_address", ["127.0.0.1", "db-2.internal"]),
        ("messaging_destination_name", ["orders.created", "orders.v2"]),
        ("kind", ["feedfacefeedface-not-hex", "deadbeef", "a", "s3"]),
    ],
)
def test_bounded_values_pass(registry, label, values):
    assert_no_unbounded_labels(counted(registry, label, *values))


def test_too_many_series_are_named_with_the_widest_label(registry):
    counted(registry, "customer", *(f"customer-{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(60)))

    with pytest.raises(
        AssertionError, match=r"seen has 60 label sets, 50 are allowed.*'customer' \(60 values\)"
    ):
        assert_no_unbounded_labels(registry, max_series=50)


def test_buckets_of_a_histogram_are_no_series_of_their_own(registry):
    Histogram("took", "Took.", ["kind"], registry=registry).labels("a").observe(1)

    assert_no_unbounded_labels(registry, max_series=1)


def test_what_obskit_counts_itself_passes(obs_capture):
    telemetry = obskit.init(log_format="none")
    telemetry.metrics.histogram(SERVER_DURATION, "GET", "/orders/{id}", "200", "", "ok").observe(1)

    obs_capture.assert_no_unbounded_labels()


def test_series_cap_is_noticed(obs_capture):
    telemetry = obskit.init(log_format="none", max_series=2)
    for name in "abc":
        telemetry.metrics.histogram(SERVER_DURATION, "GET", f"/{name}", "200", "", "ok").observe(1)

    with pytest.raises(AssertionError, match="reached its series cap"):
        obs_capture.assert_no_unbounded_labels()
