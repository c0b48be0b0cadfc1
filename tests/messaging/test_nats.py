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


def test_request_is_one_span_until_the_reply_and_the_responder_is_its_child(captured, nats_url):
    async def scenario(connection):
        async def respond(message):
            async with obskit.consume(message, destination="price"):
                await message.respond(b"7")

        await connection.subscribe("price", cb=respond)
        with obskit.span("request"):
            reply = await connection.request("price", b"tea", timeout=30, headers={"tenant": "a"})
        assert reply.data == b"7"
        with pytest.raises(nats.errors.NoRespondersError):
            await connection.request("nobody", b"")

    run(nats_url, scenario)
    asked, answered = captured.span("request price"), captured.span("process price")
    assert asked.parent.span_id == captured.span("request").context.span_id
    assert answered.parent.span_id == asked.context.span_id
    assert asked.end_time >= answered.end_time
    sent = "messaging_client_sent_messages_total"
    assert captured.value(sent, messaging_destination_name="price", error_type="") == 1
    assert captured.value(sent, messaging_destination_name="nobody", error_type="NoRespondersError") == 1
    assert not [
        span.name for span in captured.spans if "_INBOX" in span.name or span.name.startswith("publish")
    ]


def test_core_message_brings_its_trace_and_its_age(captured, nats_url):
    async def scenario(connection):
        subscription = await connection.subscribe("news")
        await connection.publish("news", b"x", "", {"tenant": "a"})
        message = await subscription.next_msg(timeout=30)
        assert message.headers["tenant"] == "a"
        async with obskit.consume(message, destination="news"):
            pass

    run(nats_url, scenario)
    processed = captured.span("process news")
    assert processed.parent.span_id == captured.span("publish news").context.span_id
    assert "messaging.consumer.group.name" not in processed.attributes
    end_to_end = "obskit_messaging_end_to_end_duration_seconds_count"
    assert captured.value(end_to_end, messaging_destination_name="news") == 1


def test_asynchronous_publish_of_jetstream_is_one_span(captured, nats_url):
    async def scenario(connection):
        jetstream, _ = await fresh_stream(connection, "later")
        future = await jetstream.publish_async("later.created", b"{}")
        await future

    run(nats_url, scenario)
    assert [span.name for span in captured.spans] == ["publish later.created"]


def test_headers_given_to_publish_are_not_changed_and_a_forwarded_message_is_observed(captured, nats_url):
    async def scenario(connection):
        jetstream, subscription = await fresh_stream(connection, "forward")
        await jetstream.add_stream(name="copies", subjects=["copies"])
        await jetstream.publish("forward.created", b"{}", headers={"tenant": "a"})
        (message,) = await subscription.fetch(1)
        before = dict(message.headers)
        async with obskit.consume(message, destination="forward.created"):
            await jetstream.publish("copies", message.data, headers=message.headers)
        assert message.headers == before

    run(nats_url, scenario)
    copied = captured.span("publish copies")
    assert copied.parent.span_id == captured.span("process forward.created").context.span_id


def test_dead_letter_is_counted_logged_and_on_the_span(captured, nats_url):
    async def scenario(connection):
        jetstream, subscription = await fresh_stream(connection, "dead")
        await jetstream.publish("dead.created", b"{}", headers={"Nats-Msg-Id": "m-1"})
        (message,) = await subscription.fetch(1)
        await message.nak()
        (message,) = await subscription.fetch(1)
        async with obskit.consume(message, destination="dead.created") as handling:
            assert handling.message.delivery == 2
            handling.dead_letter("max_deliveries")
            await message.term()

    run(nats_url, scenario)
    dead = "obskit_messaging_dead_letters_total"
    name = {"messaging_destination_name": "dead.created"}
    assert captured.value(dead, **name, reason="max_deliveries") == 1
    assert captured.value(dead, **name, reason="poison") == 0
    (line,) = captured.events("message.dead_lettered")
    assert (line["reason"], line["delivery"], line["level"]) == ("max_deliveries", 2, "error")
    span = captured.span("process dead.created")
    assert span.attributes["obskit.dead_letter"] == "max_deliveries"
    assert span.attributes["obskit.delivery"] == 2
    assert span.attributes["messaging.message.id"] == "m-1"
    assert span.attributes["messaging.consumer.group.name"] == "dead"
    assert line["trace_id"] == f"{span.context.trace_id:032x}"


def test_dead_letters_are_shown_at_zero_from_the_first_message_on(captured, nats_url):
    async def scenario(connection):
        jetstream, subscription = await fresh_stream(connection, "fine")
        await jetstream.publish("fine.created", b"{}")
        (message,) = await subscription.fetch(1)
        async with obskit.consume(message, destination="fine.created"):
            await message.ack()

    run(nats_url, scenario)
    dead = "obskit_messaging_dead_letters_total"
    for reason in ("poison", "max_deliveries"):
        assert captured.value(dead, messaging_destination_name="fine.created", reason=reason) == 0
