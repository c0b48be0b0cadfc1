"""Messages of brokers other than NATS, on the real record and message types of their clients."""

import time

import aio_pika
import pytest
from aiokafka.structs import ConsumerRecord
from aiormq.abc import DeliveredMessage
from pamqp import commands
from pamqp.header import ContentHeader

import obskit
from obskit.messaging import Message

BODY = b"{}"


def kafka_record(headers):
    return ConsumerRecord(
        topic="orders",
        partition=3,
        offset=41,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=BODY,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=len(BODY),
        headers=headers,
    )


def rabbit_message(headers, *, redelivered=False):
    properties = aio_pika.Message(BODY, headers=headers, message_id="m-1").properties
    delivered = DeliveredMessage(
        delivery=commands.Basic.Deliver("tag", 1, redelivered, "", "orders"),
        header=ContentHeader(body_size=len(BODY), properties=properties),
        body=BODY,
        channel=None,
    )
    return aio_pika.message.IncomingMessage(delivered, no_ack=True)


def sqs_message(headers):
    return Message(system="aws_sqs", headers=headers, delivery=2, message_id="q-1")


BROKERS = [
    ("kafka", [], lambda sent: kafka_record(tuple(sent)), "orders/3/41"),
    ("rabbitmq", {}, rabbit_message, "m-1"),
    ("aws_sqs", {}, sqs_message, "q-1"),
]


@pytest.mark.parametrize(
    ("system", "headers", "receive", "message_id"), BROKERS, ids=["kafka", "rabbitmq", "sqs"]
)
def test_trace_and_ages_go_through_the_headers_of_every_broker(
    captured, system, headers, receive, message_id
):
    with obskit.span("request"), obskit.produce(headers, destination="orders", system=system):
        pass
    with obskit.consume(receive(headers), destination="orders"):
        obskit.get_logger().info("stock.decided")
    produced, processed = captured.span("publish orders"), captured.span("process orders")
    assert produced.parent.span_id == captured.span("request").context.span_id
    assert processed.parent.span_id == produced.context.span_id
    assert processed.attributes["messaging.system"] == system
    assert processed.attributes["messaging.message.id"] == message_id
    (line,) = captured.events("stock.decided")
    assert line["trace_id"] == f"{produced.context.trace_id:032x}"
    name = {"messaging_destination_name": "orders"}
    for age in ("end_to_end", "flow"):
        assert captured.value(f"obskit_messaging_{age}_duration_seconds_count", **name) == 1
    assert captured.value("messaging_client_sent_messages_total", **name, error_type="") == 1


def test_headers_of_the_caller_are_kept_and_replayed_ones_replaced(captured):
    headers = [("tenant", b"a"), ("traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")]
    with obskit.produce(headers, destination="orders", system="kafka"):
        pass
    assert headers[0] == ("tenant", b"a")
    names = [name for name, _ in headers]
    assert sorted(names) == ["obskit-flow-start", "obskit-published-at", "tenant", "traceparent"]
    produced = captured.span("publish orders")
    assert f"{produced.context.trace_id:032x}" == "1" * 32
    assert f"{produced.parent.span_id:016x}" == "2" * 16


def test_failed_send_is_raised_and_counted(captured):
    with pytest.raises(OSError, match="away"), obskit.produce({}, destination="orders", system="rabbitmq"):
        raise OSError("away")
    sent = "messaging_client_sent_messages_total"
    assert captured.value(sent, messaging_destination_name="orders", error_type="OSError") == 1


@pytest.mark.parametrize(
    ("headers", "redelivered", "delivery"),
    [({}, False, None), ({}, True, 2), ({"x-delivery-count": 4}, True, 5)],
)
def test_redelivery_by_rabbitmq_is_counted(captured, headers, redelivered, delivery):
    with obskit.consume(rabbit_message(headers, redelivered=redelivered), destination="orders"):
        pass
    assert captured.span("process orders").attributes.get("obskit.delivery") == delivery
    again = captured.value("obskit_messaging_redelivered_messages_total", messaging_destination_name="orders")
    assert again == (delivery is not None)


def test_headers_that_nobody_can_read_start_a_new_trace(captured):
    broken = [("traceparent", b"\xff\xfe"), ("obskit-published-at", b"soon"), ("obskit-flow-start", b"\x00")]
    with obskit.consume(kafka_record(broken), destination="orders"):
        pass
    assert captured.span("process orders").parent is None
    with obskit.consume(kafka_record([]), destination="none"):
        pass
    assert captured.span("process none").parent is None


def test_header_names_are_read_whatever_their_case(captured):
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    with obskit.consume(rabbit_message({"Traceparent": parent}), destination="orders"):
        pass
    assert f"{captured.span('process orders').context.trace_id:032x}" == "a" * 32


def test_message_of_no_known_broker_is_refused_with_what_to_pass(captured):
    with pytest.raises(TypeError, match=r"builtins\.dict.*obskit\.messaging\.Message with its headers"):
        obskit.consume({"headers": {}}, destination="orders")


def test_stored_event_goes_on_with_the_trace_and_the_flow_of_its_request(captured):
    from obskit import context

    began = time.time() - 40
    scope = context.RequestScope("r", flow_start=began)
    token = context.enter(scope)
    with obskit.span("request"):
        stored = obskit.message_headers()
    context.leave(scope, token)
    with obskit.span("relay"), obskit.produce(stored, destination="orders", system="kafka"):
        pass
    with obskit.consume(Message(system="kafka", headers=stored), destination="orders"):
        pass
    assert captured.span("publish orders").parent.span_id == captured.span("request").context.span_id
    flow = "obskit_messaging_flow_duration_seconds_sum"
    assert captured.value(flow, messaging_destination_name="orders") >= 40
    end_to_end = "obskit_messaging_end_to_end_duration_seconds_sum"
    assert captured.value(end_to_end, messaging_destination_name="orders") < 40


def test_span_nearer_than_the_stored_headers_is_the_parent(captured):
    with obskit.span("request"):
        stored = obskit.message_headers()
        with obskit.span("publish step"), obskit.produce(stored, destination="orders", system="kafka"):
            pass
    assert captured.span("publish orders").parent.span_id == captured.span("publish step").context.span_id
