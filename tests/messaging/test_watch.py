"""Queue depth and the oldest message's age: on a real consumer, and for a queue of any kind."""

import asyncio
import math
import time

import nats
import pytest

import obskit
from obskit.messaging import QueueState

DEPTH = "obskit_messaging_queue_depth"
UNACKNOWLEDGED = "obskit_messaging_queue_unacknowledged"
REDELIVERED = "obskit_messaging_queue_redelivered"
OLDEST = "obskit_messaging_queue_oldest_message_age_seconds"
UP = "obskit_messaging_queue_up"
DEADLINE_S = 20


async def until(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


async def fetch_all(subscription, count):
    found = []
    while len(found) < count:
        found += await subscription.fetch(count - len(found), timeout=DEADLINE_S)
    return found


@pytest.fixture
def read(captured):
    def value(metric, destination, consumer="worker"):
        labels = {"messaging_destination_name": destination, "messaging_consumer_group_name": consumer}
        return captured.value(metric, **labels)

    return value


def test_depth_redelivery_and_oldest_age_of_a_jetstream_consumer(read, nats_url):
    async def scenario():
        connection = await nats.connect(nats_url)
        jetstream = connection.jetstream()
        await jetstream.add_stream(name="depth", subjects=["depth.>"])
        await jetstream.publish("depth.other", b"not for this consumer")
        subscription = await jetstream.pull_subscribe("depth.created", durable="worker")
        async with obskit.watch_consumer(jetstream, stream="depth", consumer="worker", every_s=0.1):
            await until(lambda: read(UP, "depth") == 1, "asked once")
            assert (read(DEPTH, "depth"), read(OLDEST, "depth")) == (0, 0)
            for _ in range(3):
                await jetstream.publish("depth.created", b"{}")
            await until(lambda: read(DEPTH, "depth") == 3, "three wait")
            first_age = read(OLDEST, "depth")
            await until(lambda: read(OLDEST, "depth") > first_age, "the oldest one grows older")
            (message,) = await subscription.fetch(1)
            await message.nak()
            # The broker may hand out another one first: take all, however many fetches it needs.
            delivered = await fetch_all(subscription, 3)
            await until(lambda: read(REDELIVERED, "depth") == 1, "one was delivered again")
            assert (read(DEPTH, "depth"), read(UNACKNOWLEDGED, "depth")) == (0, 3)
            for message in delivered:
                await message.ack()
            await until(lambda: read(OLDEST, "depth") == 0, "all are done")
        await connection.close()

    asyncio.run(scenario())


def test_oldest_age_is_of_the_first_message_that_is_not_done_of_any_subject(read, nats_url):
    async def scenario():
        connection = await nats.connect(nats_url)
        jetstream = connection.jetstream()
        await jetstream.add_stream(name="many", subjects=["many.*"])
        config = nats.js.api.ConsumerConfig(
            durable_name="worker", filter_subjects=["many.a", "many.b"], ack_policy="explicit"
        )
        await jetstream.add_consumer("many", config)
        published = time.time()  # the server counts from the moment it stored the message
        await jetstream.publish("many.b", b"")
        async with obskit.watch_consumer(jetstream, stream="many", consumer="worker", every_s=0.1):
            await until(lambda: read(DEPTH, "many") == 1, "one waits")
            await asyncio.sleep(0.3)  # the age that is wanted, not a wait for an effect
            await jetstream.publish("many.a", b"")
            await until(lambda: read(DEPTH, "many") == 2, "two wait")
            assert 0.3 <= read(OLDEST, "many") <= time.time() - published
        await connection.close()

    asyncio.run(scenario())


def test_queue_that_cannot_be_asked_is_unknown_and_logged_once_each_way(captured, read):
    async def scenario():
        answers = {"down": True, "asked": 0}

        async def ask():
            answers["asked"] += 1
            if answers["down"]:
                raise ConnectionError("no route")
            return QueueState(waiting=4, oldest_age_s=1.5)

        async with obskit.watch_queue(ask, destination="outbox", consumer="worker", every_s=0.1):
            await until(lambda: answers["asked"] >= 3, "asked three times")
            assert math.isnan(read(DEPTH, "outbox"))
            assert read(UP, "outbox") == 0
            answers["down"] = False
            await until(lambda: read(UP, "outbox") == 1, "asked again")
            assert (read(DEPTH, "outbox"), read(OLDEST, "outbox")) == (4, 1.5)
        assert math.isnan(read(DEPTH, "outbox"))
        assert read(UP, "outbox") == 0

    asyncio.run(scenario())
    (failed,) = captured.events("queue.watch_failed")
    assert (failed["destination"], failed["error"], failed["why"]) == (
        "outbox",
        "ConnectionError",
        "no route",
    )
    assert len(captured.events("queue.watch_recovered")) == 1


def test_missing_consumer_is_unknown_and_found_when_it_is_there(captured, read, nats_url):
    async def scenario():
        connection = await nats.connect(nats_url)
        jetstream = connection.jetstream()
        async with obskit.watch_consumer(jetstream, stream="late", consumer="worker", every_s=0.1):
            await until(lambda: read(UP, "late") == 0, "not there")
            await jetstream.add_stream(name="late", subjects=["late.>"])
            await jetstream.pull_subscribe("late.created", durable="worker")
            await until(lambda: read(UP, "late") == 1, "there")
        await connection.close()

    asyncio.run(scenario())


def test_watch_ends_with_its_block_also_after_shutdown(captured):
    async def scenario():
        asked = 0

        async def ask():
            nonlocal asked
            asked += 1
            return QueueState(waiting=0)

        async with obskit.watch_queue(ask, destination="outbox", consumer="worker", every_s=0.1):
            await until(lambda: asked >= 1, "asked")
            obskit.shutdown()
            so_far = asked
            await until(lambda: asked > so_far, "still asked")
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())
    from obskit import _setup

    assert _setup._process.telemetry is None


def test_question_that_hangs_is_given_up_and_asked_again(captured, read, monkeypatch):
    from obskit.messaging import _watch

    monkeypatch.setattr(_watch, "_TIMEOUT_S", 0.1)

    async def scenario():
        async def ask():
            await asyncio.Event().wait()

        async with obskit.watch_queue(ask, destination="hung", consumer="worker", every_s=0.1):
            await until(lambda: read(UP, "hung") == 0, "given up")

    asyncio.run(scenario())
    assert captured.events("queue.watch_failed")[0]["error"] == "TimeoutError"


def test_watch_that_would_ask_all_the_time_is_refused():
    with pytest.raises(ValueError, match="every_s=0 is too often"):
        obskit.watch_consumer(None, stream="s", consumer="c", every_s=0)
