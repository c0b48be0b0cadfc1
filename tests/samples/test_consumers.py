"""Consumers on a real broker: back-off, dead letters after the last delivery, nothing lost on the way."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nats.js.api import ConsumerConfig

from sample_services import consumers
from sample_services.broker import Broker, Consumer, PoisonMessageError
from sample_services.dead_letters import main as dead
from sample_services.streams import ORDERS

DEADLINE_S = 30
DEAD = "obskit_messaging_dead_letters_total"


@pytest.fixture
def server(tmp_path, free_port):
    running = Server(tmp_path, free_port())
    yield running
    running.stop()


class Server:
    def __init__(self, store, port):
        self.store = store
        self.port = port
        self.url = f"nats://127.0.0.1:{port}"
        self.start()

    def start(self):
        binary = Path(sys.executable).with_name("nats-server")
        arguments = ["-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.store)]
        self.process = subprocess.Popen(
            [binary, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture(autouse=True)
def _quick_redelivery(monkeypatch):
    monkeypatch.setattr(consumers, "REDELIVERY_S", (0.05, 0.1, 0.2))


async def until(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


def consumer(handler, **options):
    return Consumer(name="tester", subjects=("orders.created",), handler=handler, **options)


async def dead_letters(broker):
    subscription = await broker._jetstream.pull_subscribe(
        "dead.tester.orders.created", config=ConsumerConfig(ack_policy="none")
    )
    return await subscription.fetch(10, timeout=5)


def test_message_that_always_fails_is_set_aside_after_the_last_delivery(captured, server):
    seen = []

    async def fail(_subject, _body):
        seen.append(time.monotonic())
        raise RuntimeError("still broken")

    async def scenario():
        broker = Broker(server.url, name="testing")
        async with broker.running(consumer(fail, max_deliveries=3)):
            await until(broker_is_up(broker), "connected")
            await broker.publish("orders.created", b"{}", message_id="one")
            await until(lambda: captured.events("message.dead_lettered"), "given up")
            (letter,) = await dead_letters(broker)
            assert letter.data == b"{}"
            assert letter.headers["Nats-Msg-Id"] == f"{ORDERS}:1:tester"
            await until_settled(broker)
        return letter

    letter = asyncio.run(scenario())
    assert len(seen) == 3
    assert seen[1] - seen[0] >= 0.05
    assert seen[2] - seen[1] >= 0.1
    (line,) = captured.events("message.dead_lettered")
    assert (line["reason"], line["delivery"]) == ("max_deliveries", 3)
    name = {"messaging_destination_name": "orders.created"}
    assert captured.value(DEAD, **name, reason="max_deliveries") == 1
    failed = [span for span in captured.spans if "obskit.dead_letter" in span.attributes]
    assert [span.attributes["obskit.delivery"] for span in failed] == [3]
    # The dead letter is part of the trace, as a child of the handling that gave up.
    assert line["trace_id"] in letter.headers["traceparent"]
    assert captured.span("publish dead.tester.orders.created").parent.span_id == failed[0].context.span_id


def test_poison_is_set_aside_at_once_and_the_next_message_is_handled(captured, server):
    seen = []

    async def handle(_subject, body):
        seen.append(body)
        if body == b"poison":
            raise PoisonMessageError("no message at all")

    async def scenario():
        broker = Broker(server.url, name="testing")
        async with broker.running(consumer(handle)):
            await until(broker_is_up(broker), "connected")
            await broker.publish("orders.created", b"poison", message_id="one")
            await broker.publish("orders.created", b"good", message_id="two")
            await until(lambda: len(seen) == 2 and captured.events("message.dead_lettered"), "both handled")
            await until_settled(broker)

    asyncio.run(scenario())
    assert sorted(seen) == [b"good", b"poison"]
    assert captured.events("message.dead_lettered")[0]["reason"] == "poison"


def test_dead_letters_are_shown_and_replayed_or_dropped(captured, server, capsys):
    handled, is_mended = [], False

    async def handle(_subject, body):
        if not is_mended:
            raise PoisonMessageError("cannot be read")
        handled.append(body)

    async def run(*arguments):
        code = await asyncio.to_thread(dead, [*arguments, f"--nats={server.url}"])
        return code, capsys.readouterr()

    async def scenario():
        nonlocal is_mended
        broker = Broker(server.url, name="testing")
        async with broker.running(consumer(handle)):
            await until(broker_is_up(broker), "connected")
            assert (await run())[1].out == "0 dead letters\n"
            for number, body in enumerate((b"\xff\x1b[2J", b"lost")):
                await broker.publish("orders.created", body, message_id=str(number))
                await until(lambda n=number: len(captured.events("message.dead_lettered")) > n, "given up")
            _, said = await run()
            assert [line.split()[2:5] for line in said.out.splitlines()[:2]] == [
                ["tester", "orders.created", "poison"]
            ] * 2
            assert "\x1b" not in said.out
            code, said = await run("replay", "1", "7")
            assert (code, said.err) == (1, "There is no dead letter 7.\n")

            is_mended = True
            assert (await run("replay", "1"))[1].out == "1 replayed\n"
            await until(lambda: handled, "handled")
            code, said = await run("list", "--json")
            (left,) = json.loads(said.out)
            assert (left["number"], left["body"]) == (2, "lost")
            assert left["headers"].keys() >= {"traceparent"}
            assert (await run("drop", "--all"))[1].out == "1 dropped\n"
            assert (await run())[1].out == "0 dead letters\n"
            await until_settled(broker)

    asyncio.run(scenario())
    assert handled == [b"\xff\x1b[2J"]
    spans = [span for span in captured.spans if span.name == "process orders.created"]
    assert len(spans) == 3
    assert len({span.context.trace_id for span in spans}) == 2  # it goes on in the trace that it came from


def test_dead_letters_of_nobody_are_refused(capsys):
    with pytest.raises(SystemExit):
        dead(["replay"])
    assert "their numbers, or --all" in capsys.readouterr().err


def test_broker_that_is_not_there_is_asked_twice_at_most(capsys, free_port, monkeypatch):
    refusals = []

    async def note(error):
        refusals.append(error)

    monkeypatch.setattr("sample_services.dead_letters._ignore", note)
    assert dead([f"--nats=nats://127.0.0.1:{free_port()}"]) == 1
    assert "does not answer" in capsys.readouterr().err
    assert 1 <= len(refusals) <= 2


def test_slow_message_is_not_delivered_twice_while_it_is_worked_on(captured, server):
    seen = []

    async def slowly(_subject, body):
        seen.append(body)
        await asyncio.sleep(2.5)  # longer than the broker waits for a sign of life

    async def scenario():
        broker = Broker(server.url, name="testing")
        async with broker.running(consumer(slowly, ack_wait_s=1.0)):
            await until(broker_is_up(broker), "connected")
            await broker.publish("orders.created", b"{}", message_id="one")
            await until(
                lambda: captured.value(
                    "messaging_client_consumed_messages_total",
                    messaging_destination_name="orders.created",
                    error_type="",
                ),
                "handled",
            )
            await until_settled(broker)

    asyncio.run(scenario())
    assert seen == [b"{}"]


def test_consumer_that_cannot_be_made_is_logged_once_until_it_can(captured, server, monkeypatch):
    attempts = []
    right = Consumer.durable

    def wrong(self):
        attempts.append(self)
        config = right(self)
        return config if is_mended else ConsumerConfig(durable_name=self.name, ack_wait=-5, max_deliver=-9)

    is_mended = False
    monkeypatch.setattr(Consumer, "durable", wrong)
    handled = []

    async def handle(_subject, body):
        handled.append(body)

    async def scenario():
        nonlocal is_mended
        broker = Broker(server.url, name="testing")
        async with broker.running(consumer(handle)):
            await until(lambda: len(attempts) >= 3, "tried three times")
            is_mended = True
            await until(lambda: captured.events("broker.consumer_recovered"), "made")
            await broker.publish("orders.created", b"{}", message_id="one")
            await until(lambda: handled, "handled")

    asyncio.run(scenario())
    (failed,) = captured.events("broker.consumer_failed")
    assert (failed["consumer"], failed["level"]) == ("tester", "warning")
    assert len(captured.events("broker.consumer_recovered")) == 1


def broker_is_up(broker):
    return lambda: broker._client.is_connected


async def until_settled(broker):
    """Wait until the broker has heard what became of every message."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        info = await broker._jetstream.consumer_info(ORDERS, "tester")
        if not info.num_ack_pending and not info.num_pending:
            return
        assert time.monotonic() < deadline, info
        await asyncio.sleep(0.05)
