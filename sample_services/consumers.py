"""Consumers of the sample services: acknowledgement, redelivery with back-off, dead letters."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

import obskit
from obskit.messaging import Consumed
from sample_services.failures import BrokerError, PoisonMessageError
from sample_services.streams import ORDERS, REASON, dead_subject
from sample_services.tasks import end

__all__ = ["REDELIVERY_S", "BrokerError", "Consumer", "PoisonMessageError", "Worker"]

REDELIVERY_S = (1.0, 2.0, 5.0)
"""Seconds before a failed message comes again: first, second, every later failure."""

_FETCH_S = 3.0
_UNSETTLED = 256
_STOP_S = 2.0
_HEARTBEATS = 3
"""How often in its acknowledgement time a message in hand tells the broker that it is worked on."""

Call = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A durable consumer: its name, the subjects it takes, and what handles one message.

    *handler* gets the subject and the body. Its return acknowledges the message; when it
    raises, the message comes again after :data:`REDELIVERY_S`. After *max_deliveries*, or
    at once when it is poison, it goes to the stream DEAD instead.
    """

    name: str
    subjects: tuple[str, ...]
    handler: Callable[[str, bytes], Awaitable[None]]
    stream: str = ORDERS
    max_deliveries: int | None = 12
    """None: never given up, for work that only an outage can fail."""
    parallel: int = 64
    ack_wait_s: float = 10.0
    """After a killed process its messages come again this soon."""

    def durable(self) -> ConsumerConfig:
        """Return the consumer as JetStream keeps it."""
        return ConsumerConfig(
            durable_name=self.name,
            filter_subjects=list(self.subjects),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait_s,
            # So many are tried again and again while all fail; the rest waits.
            max_ack_pending=max(_UNSETTLED, 4 * self.parallel),
            # The last delivery is ours to count: the broker's own limit would drop the message.
            max_deliver=-1,
        )


class Worker:
    """One consumer at work: every message in a task of its own, at most ``parallel`` at a time."""

    def __init__(self, consumer: Consumer, jetstream: JetStreamContext, publish: Call) -> None:
        self.consumer = consumer
        self._jetstream = jetstream
        self._publish = publish
        self._handling: set[asyncio.Task[None]] = set()

    async def pull(self) -> None:
        """Take messages until the broker is away.

        Raises:
            nats.errors.Error: the broker, the stream or the consumer is away.
        """
        subscription = await self._jetstream.pull_subscribe_bind(self.consumer.name, self.consumer.stream)
        try:
            while True:
                if len(self._handling) >= self.consumer.parallel:
                    await asyncio.wait(self._handling, return_when=asyncio.FIRST_COMPLETED)
                # Returns as soon as there is a message, with as many as there are.
                free = self.consumer.parallel - len(self._handling)
                with suppress(TimeoutError):
                    for message in await subscription.fetch(free, timeout=_FETCH_S):
                        self._start(message)
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def finish(self) -> None:
        """Wait 2 s for what is in hand and give the rest back; it comes again."""
        if not self._handling:
            return
        _, late = await asyncio.wait(self._handling, timeout=_STOP_S)
        await asyncio.gather(*(end(task) for task in late))

    def _start(self, message: Msg) -> None:
        # A task of its own: messages do not wait for each other, and an error stays where it belongs.
        task = asyncio.create_task(self._handle(message))
        self._handling.add(task)
        task.add_done_callback(self._handled)

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        if not task.cancelled():
            task.exception()  # seen here: obskit has logged it

    async def _handle(self, message: Msg) -> None:
        async with (
            _kept(message, self.consumer.ack_wait_s / _HEARTBEATS),
            obskit.consume(message, destination=message.subject) as handling,
        ):
            try:
                await self.consumer.handler(message.subject, message.data)
            except Exception as error:
                await self._failed(message, handling, error)
                raise
            # An unsettled message comes again when the broker's wait for it is over.
            with suppress(NatsError, OSError):
                await message.ack()

    async def _failed(self, message: Msg, handling: Consumed, error: Exception) -> None:
        reason = self._given_up(error, handling.message.delivery)
        settle: Call = partial(
            message.nak, REDELIVERY_S[min(handling.message.delivery, len(REDELIVERY_S)) - 1]
        )
        if reason:
            # Set aside first: when that fails, the message comes again and nothing is lost.
            with suppress(BrokerError):
                await self._set_aside(message, reason)
                handling.dead_letter(reason)
                settle = message.term
        with suppress(NatsError, OSError):
            await settle()

    def _given_up(self, error: Exception, delivery: int) -> str:
        if isinstance(error, PoisonMessageError):
            return "poison"
        limit = self.consumer.max_deliveries
        return "max_deliveries" if limit is not None and delivery >= limit else ""

    async def _set_aside(self, message: Msg, reason: str) -> None:
        sequence = message.metadata.sequence.stream
        await self._publish(
            dead_subject(self.consumer.name, message.subject),
            message.data,
            message_id=f"{self.consumer.stream}:{sequence}:{self.consumer.name}",
            headers={REASON: reason},
        )


@asynccontextmanager
async def _kept(message: Msg, every_s: float) -> AsyncIterator[None]:
    """Tell the broker that *message* is being worked on, so that it goes to nobody else meanwhile."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(every_s)
            with suppress(NatsError, OSError):
                await message.in_progress()

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
