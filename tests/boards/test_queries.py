import promql_parser
import pytest

from obskit import boards as kit
from obskit.catalog import CLIENT_DURATION, PROCESS_DURATION, SENT, SERVER_DURATION


def test_error_ratio_is_0_without_errors_and_absent_without_traffic():
    expr = kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, by=("service_name",))
    every = "sum by (service_name) (rate(http_server_request_duration_seconds_count[$__rate_interval]))"
    bad = every.replace("_count[", '_count{outcome="server_error"}[')
    assert expr == f"({bad} or {every} * 0) / ({every} > 0)"


def test_quantile_keeps_the_asked_labels_and_drops_nan():
    expr = kit.quantile(0.95, CLIENT_DURATION, kit.SERVICE, by=("server_address",), window=kit.RANGE)
    assert expr == (
        "histogram_quantile(0.95, sum by (server_address, le) "
        '(rate(http_client_request_duration_seconds_bucket{service_name=~"$service"}[$__range]))) >= 0'
    )


def test_counters_are_counted_by_themselves_and_histograms_by_their_count():
    assert kit.per_second(SENT) == "sum(rate(messaging_client_sent_messages_total[$__rate_interval]))"
    assert (
        kit.increase(PROCESS_DURATION) == "sum(increase(messaging_process_duration_seconds_count[$__range]))"
    )


def test_what_never_happened_is_0_where_it_could_have():
    assert kit.or_zero("a", "b") == "a or b * 0"


def test_slow_ratio_refuses_a_bound_between_buckets():
    with pytest.raises(ValueError, match=r"0\.4 is not a bucket bound.*use one of 0\.005, 0\.01, .*10\."):
        kit.slow_ratio(SERVER_DURATION, 0.4)


def test_slow_ratio_names_the_bucket_as_it_is_exposed():
    assert 'le="1.0"' in kit.slow_ratio(SERVER_DURATION, 1.0)


@pytest.mark.parametrize(
    "expr",
    [
        kit.per_second(SERVER_DURATION, window="5m"),
        kit.increase(SENT, window="5m"),
        kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, window="5m"),
        kit.quantile(0.5, SERVER_DURATION, window="5m"),
        kit.buckets(SERVER_DURATION, window="5m"),
        kit.mean(SERVER_DURATION, by=("http_route",), window="5m"),
        kit.slow_ratio(SERVER_DURATION, 0.5, window="5m"),
        kit.time_share(SERVER_DURATION, by=("http_route",), window="5m"),
        kit.filled(kit.status_classes()),
        kit.total(kit.UP, by=("service_name",)),
        *kit.stages(window="5m"),
        kit.ratio("up", "up"),
    ],
)
def test_every_query_function_gives_promql(expr):
    assert promql_parser.parse(expr)
