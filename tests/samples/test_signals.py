"""One order is one trace in the logs and spans of all services."""

import itertools


def test_one_trace_id_in_the_log_lines_of_all_services(fleet, until):
    order_id = fleet.place("async").json()["id"]
    fleet.wait_state(order_id, "completed")
    (accepted,) = fleet.wait_lines(event="order.created", order_id=order_id)
    trace_id = accepted["trace_id"]
    until(
        lambda: (
            {line["service"] for line in fleet.lines(trace_id=trace_id)}
            >= {"gateway", "orders", "inventory", "payments"}
        ),
        f"lines of all services with trace_id {trace_id}",
    )
    about_it = [
        line for line in fleet.wait_lines(4, order_id=order_id) if line.get("route") != "/orders/{order_id}"
    ]
    events = {(line["service"], line["event"]) for line in about_it}
    assert events >= {
        ("gateway", "http.request"),
        ("orders", "order.created"),
        ("inventory", "stock.decided"),
        ("orders", "order.finished"),
    }
    assert {line["trace_id"] for line in about_it} == {trace_id}


def test_consumer_span_is_a_child_of_the_producer_span(fleet, until):
    order_id = fleet.place("async").json()["id"]
    (line,) = fleet.wait_lines(event="order.created", order_id=order_id)
    trace_id = line["trace_id"]
    for subject, producer, consumer in (
        ("orders.created", "orders", "inventory"),
        ("orders.reserved", "inventory", "orders"),
    ):
        (published,) = until(
            lambda subject=subject: fleet.sink.of(trace_id, f"publish {subject}"), f"publish {subject}"
        )
        (processed,) = until(
            lambda subject=subject: fleet.sink.of(trace_id, f"process {subject}"), f"process {subject}"
        )
        assert (published["service"], processed["service"]) == (producer, consumer)
        assert processed["parentSpanId"] == published["spanId"]


def test_sync_order_is_one_trace_over_three_services(fleet, until):
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    parent = "b7ad6b7169203331"
    fleet.place("sync", traceparent=f"00-{trace_id}-{parent}-01")

    def chain():
        """Return the services from inventory's span up to the caller, once every span of it is there."""
        spans = {span["spanId"]: span for span in fleet.sink.of(trace_id)}
        ends = [each for each in spans.values() if each["name"] == "POST /reservations" and each["kind"] == 2]
        found, wanted = [], ends[0]["spanId"] if ends else None
        while wanted in spans:
            found.append(spans[wanted]["service"])
            wanted = spans[wanted]["parentSpanId"]
        return found if wanted == parent else None

    until(chain, "every span between inventory and the caller")
    assert [service for service, _ in itertools.groupby(chain())] == ["inventory", "orders", "gateway"]


def test_accept_to_done_time_of_async_orders_is_measured(fleet, until):
    fleet.wait_state(fleet.place("async").json()["id"], "completed")
    page = fleet.http.get(f"{fleet.url('orders')}/metrics").text
    assert 'obskit_messaging_flow_duration_seconds_count{messaging_destination_name="orders.reserved"' in page


def test_telemetry_itself_did_not_fail(fleet):
    for service in ("gateway", "orders", "inventory"):
        page = fleet.http.get(f"{fleet.url(service)}/metrics").text
        failures = [line for line in page.splitlines() if line.startswith("obskit_internal_failures_total{")]
        assert [line for line in failures if not line.endswith(" 0.0")] == []
