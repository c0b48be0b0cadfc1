"""obs_capture: what a test of somebody's service sees of logs, spans and metrics."""

import logging
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

import obskit
from obskit.catalog import SERVER_DURATION
from obskit.testing import capture


def shop(sold=None):
    app = FastAPI()

    @app.post("/orders/{sku}")
    async def order(sku: str):
        with obskit.span("price", sku=sku):
            obskit.get_logger("shop").info("order.created", sku=sku)
        if sold is not None:
            sold.labels(kind="web").inc()
        return {"sku": sku}

    return obskit.instrument(app)


@pytest.fixture
def post():
    """Sends POST requests to an application in this process."""

    async def posted(app, paths):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return [await client.post(path) for path in paths]

    def post(app, *paths):
        import asyncio

        return asyncio.run(posted(app, paths))

    return post


def test_log_line_span_and_metric_of_one_request_belong_together(obs_capture, post):
    app = shop()

    post(app, "/orders/A-1")

    line = obs_capture.logs.one(event="order.created", sku="A-1")
    assert line.trace_id == obs_capture.server_span.trace_id
    assert obs_capture.server_span.name == "POST /orders/{sku}"
    assert obs_capture.spans.one("price", sku="A-1").parent_id == obs_capture.server_span.span_id
    assert obs_capture.metrics.value(SERVER_DURATION, http_route="/orders/{sku}") == 1


def test_telemetry_that_was_on_before_is_captured_from_here_on(post):
    obskit.init(service="shop", log_format="none")
    app = shop()
    post(app, "/orders/A-1")

    with capture() as captured:
        post(app, "/orders/A-2")
        assert captured.logs.one(event="order.created").sku == "A-2"
        assert captured.metrics.delta(SERVER_DURATION, http_route="/orders/{sku}") == 1
        assert captured.metrics.value(SERVER_DURATION, http_route="/orders/{sku}") == 2
    post(app, "/orders/A-3")
    assert len(captured.logs.all(event="order.created")) == 1
    assert len(captured.spans.all(kind=SpanKind.SERVER)) == 1


def test_telemetry_that_comes_later_with_its_own_arguments_is_captured_from_its_first_line(obs_capture):
    obskit.init(service="shop", version="7", log_format="none")

    assert obs_capture.logs.one(event="obskit.started").service == "shop"


def test_lines_of_the_standard_library_are_captured(obs_capture):
    obskit.init(log_format="none")

    logging.getLogger("db").warning("pool %s", "full")

    assert obs_capture.logs.one(event="pool full").logger == "db"


def test_secrets_are_redacted_in_what_is_captured(obs_capture):
    obskit.init(log_format="none")

    obskit.get_logger().info("login", password="hunter2")

    assert obs_capture.logs.one(event="login").password == "[redacted]"


def test_own_metrics_of_the_service_are_seen(obs_capture, post):
    sold = Counter("sold", "Sold.", ["kind"], registry=obskit.init(log_format="none").registry)
    post(shop(sold), "/orders/A-1", "/orders/A-2")

    assert obs_capture.metrics.value("sold_total", kind="web") == 2
    assert obs_capture.metrics.value("sold") == 2


def test_value_of_a_series_that_is_not_there_is_zero(obs_capture):
    obskit.init(log_format="none")

    assert obs_capture.metrics.value(SERVER_DURATION, http_route="/nowhere") == 0
    assert obs_capture.metrics.delta("http_client_request_duration_seconds_count") == 0


def test_clear_begins_anew(obs_capture, post):
    app = shop()
    post(app, "/orders/A-1")

    obs_capture.clear()
    post(app, "/orders/A-2")

    assert obs_capture.logs.one(event="order.created").sku == "A-2"
    assert obs_capture.metrics.delta(SERVER_DURATION) == 1


@pytest.mark.parametrize("_", range(2))
def test_ids_are_the_same_in_every_test(obs_capture, post, _):
    post(shop(), "/orders/A-1")

    assert obs_capture.server_span.trace_id == f"{1:032x}"
    assert obs_capture.server_span.span_id == f"{1:016x}"
    assert obs_capture.spans.one("price").span_id == f"{2:016x}"


def test_ids_are_random_again_afterwards():
    telemetry = obskit.init(log_format="none")
    with capture():
        pass

    span = telemetry.tracing.tracer.start_span("after")

    assert span.get_span_context().trace_id > 1000


def test_clock_stamps_lines_and_spans(obs_capture):
    obskit.init(log_format="none")
    obs_capture.clock.set(datetime(2026, 3, 1, 12, tzinfo=UTC))

    with obskit.span("work"):
        obs_capture.clock.advance(1.5)
        obskit.get_logger().info("work.done")

    assert obs_capture.logs.one(event="work.done").timestamp == "2026-03-01T12:00:01.500000Z"
    span = obs_capture.spans.one("work")
    assert span.end_ns - span.start_ns == 1_500_000_000


def test_clock_without_a_zone_is_refused(obs_capture):
    with pytest.raises(ValueError, match="no time zone"):
        obs_capture.clock.set(datetime(2026, 3, 1))  # noqa: DTZ001 - that is what is refused


def test_missing_line_is_explained_by_the_nearest_ones(obs_capture):
    obskit.init(log_format="none")
    log = obskit.get_logger("shop")
    log.info("cart.emptied")
    log.info("order.created", sku="A-1", quantity=2)

    with pytest.raises(AssertionError) as caught:
        obs_capture.logs.one(event="order.created", sku="A-2", level="info")

    text = str(caught.value)
    assert text.startswith("no log line has event='order.created', sku='A-2', level='info'.")
    first = text.splitlines()[1:3]
    assert first == ["  1. info     order.created  sku='A-1' quantity=2", "      <- sku is 'A-1'"]
    assert "cart.emptied" in text


def test_two_lines_where_one_is_wanted_are_listed(obs_capture):
    obskit.init(log_format="none")
    for sku in ("A-1", "A-2"):
        obskit.get_logger().info("order.created", sku=sku)

    with pytest.raises(AssertionError, match=r"2 log lines have event='order.created'; one was wanted"):
        obs_capture.logs.one(event="order.created")


def test_missing_span_is_explained_and_nothing_at_all_too(obs_capture):
    obskit.init(log_format="none")
    with pytest.raises(AssertionError, match="none was captured at all"):
        _ = obs_capture.server_span
    with obskit.span("price", sku="A-1"):
        pass

    with pytest.raises(AssertionError, match=r"INTERNAL price .*\n.*name is 'price'"):
        obs_capture.spans.one("prize")


def test_telemetry_that_is_off_is_said(obs_capture):
    with pytest.raises(AssertionError, match=r"Telemetry is off: nothing called obskit\.init"):
        obs_capture.logs.one(event="order.created")


def test_unknown_field_metric_and_label_are_named_with_what_there_is(obs_capture, post):
    post(shop(), "/orders/A-1")

    with pytest.raises(AttributeError, match=r"has no field 'skew'; it has .*sku"):
        _ = obs_capture.logs.one(event="order.created").skew
    with pytest.raises(AssertionError, match=r"near to it: .*http_server_request_duration_seconds"):
        obs_capture.metrics.value("http_server_request_duration_second")
    with pytest.raises(AssertionError, match=r"has no label 'route'; it has .*http_route"):
        obs_capture.metrics.value(SERVER_DURATION, route="/")
