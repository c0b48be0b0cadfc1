"""NATS and JetStream on a real server: edges, ages, failures and redeliveries."""

import asyncio
import time

import nats
import pytest
from opentelemetry.trace import SpanKind, StatusCode

import obskit
from obskit import context

SUBJECT = "orders.created"


def run(nats_url, scenario):
    async def connected():
        connection = obskit.instrument(await nats.connect(nats_url))
        try:
            return await scenario(connection)
        finally:
            await connection.close()

    return asyncio.run(connected())


async def fresh_stream(connection, name):
    jetstream = connection.jetstream()
    await jetstream.add_stream(name=name, subjects=[f"{name}.>"])
    subscription = await jetstream.pull_subscribe(f"{name}.created", durable=name)
    return jetstream, subscription


def test_consumer_span_is_a_child_of_the_producer_span(captured, nats_url):
    async def scenario(connection):
        jetstream, subscription = await fresh_stream(connection, "edge")
        with obskit.span("request"):
            await jetstream.publish("edge.created", b"{}")
        (message,) = await subscription.fetch(1)
        async with obskit.consume(message, destination="edge.created"):
            obskit.get_logger().info("stock.reserved")
            await message.ack()

    run(nats_url, scenario)
    produced, processed = captured.span("publish edge.created"), captured.span("process edge.created")
    assert (produced.kind, processed.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert produced.parent.span_id == captured.span("request").context.span_id
    assert processed.parent.span_id == produced.context.span_id
    (line,) = captured.events("stock.reserved")
    assert line["trace_id"] == f"{produced.context.trace_id:032x}"
    assert (
        captured.value(
            "messaging_client_sent_messages_total", messaging_destination_name="edge.created", error_type=""
        )
        == 1
    )


def test_one_publish_is_one_span_and_protocol_messages_are_none(captured, nats_url):
    async def scenario(connection):
        jetstream, subscription = await fresh_stream(connection, "single")
        await jetstream.publish("single.created", b"{}")
        (message,) = await subscription.fetch(1)
        await message.ack()
        await connection.publish("plain", b"x")

    run(nats_url, scenario)
    assert sorted(span.name for span in captured.spans) == ["publish plain", "publish single.created"]


def test_failed_handling_is_raised_recorded_and_counted_again_when_redelivered(captured, nats_url):
    async def scenario(connection):
        jetstream, subscription = await fresh_stream(connection, "retry")
        await jetstream.publish("retry.created", b"{}")
        (message,) = await subscription.fetch(1)
        with pytest.raises(ValueError, match="no stock"):
            async with obskit.consume(message, destination="retry.created"):
                raise ValueError("no stock")
        await message.nak()
        (again,) = await subscription.fetch(1)
        async with obskit.consume(again, destination="retry.created"):
            await again.ack()

    run(nats_url, scenario)
    first, second = (span for span in captured.spans if span.name == "process retry.created")
    assert first.status.status_code is StatusCode.ERROR
    assert first.parent.span_id == second.parent.span_id
    (line,) = captured.events("message.failed")
    assert (line["delivery"], line["exception"]["type"]) == (1, "ValueError")
    consumed = "messaging_client_consumed_messages_total"
    name = {"messaging_destination_name": "retry.created"}
    assert captured.value(consumed, **name, error_type="ValueError") == 1
    assert captured.value(consumed, **name, error_type="") == 1
    assert captured.value("obskit_messaging_redelivered_messages_total", **name) == 1
    assert captured.value("obskit_messaging_end_to_end_duration_seconds_count", **name) == 1


def test_flow_age_counts_from_the_request_through_a_chain_of_messages(captured, nats_url):
    began = time.time() - 30

    async def scenario(connection):
        jetstream, subscription = await fresh_stream(connection, "flow")
        second = await jetstream.pull_subscribe("flow.reserved", durable="second")
        scope = context.RequestScope("r", flow_start=began)
        token = context.enter(scope)
        await jetstream.publish("flow.created", b"{}")
        context.leave(scope, token)
        (message,) = await subscription.fetch(1)
        async with obskit.consume(message, destination="flow.created"):
            await jetstream.publish("flow.reserved", b"{}")
            await message.ack()
        (reply,) = await second.fetch(1)
        async with obskit.consume(reply, destination="flow.reserved"):
            await reply.ack()

    run(nats_url, scenario)
    name = {"messaging_destination_name": "flow.reserved"}
    assert captured.value("obskit_messaging_flow_duration_seconds_sum", **name) >= 30
    assert captured.value("obskit_messaging_end_to_end_duration_seconds_sum", **name) < 30


def test_publish_that_no_stream_takes_is_a_counted_failure(captured, nats_url):
    async def scenario(connection):
        with pytest.raises(nats.js.errors.NoStreamResponseError):
            await connection.jetstream().publish("nowhere.created", b"{}")

    run(nats_url, scenario)
    sent = "messaging_client_sent_messages_total"
    name = {"messaging_destination_name": "nowhere.created", "error_type": "NoStreamResponseError"}
    assert captured.value(sent, **name) == 1
