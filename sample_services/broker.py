"""JetStream for the sample services: publish with an acknowledgement, consume with redelivery.

The stream is described here and created by whichever service comes first. All waiting is
for the broker or between attempts to reach it; no message waits for a timer.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NoStreamResponseError

import obskit

__all__ = ["REDELIVERY_S", "STREAM", "Broker", "BrokerError", "Consumer", "PoisonMessageError"]

STREAM = "ORDERS"
"""The stream of every event about orders."""

_CONFIG = StreamConfig(
    name=STREAM,
    subjects=["orders.*"],
    storage=StorageType.FILE,
    discard=DiscardPolicy.OLD,
    max_age=24 * 3600,  # seconds
    max_bytes=128 * 1024 * 1024,
    duplicate_window=120,  # seconds in which a repeated Nats-Msg-Id is dropped
)

REDELIVERY_S = (1.0, 2.0, 5.0)
"""Seconds before a failed message comes again: first, second, every later failure."""

_ACK_WAIT_S = 10.0
_FETCH_S = 3.0
_HANDLERS = 64
_UNSETTLED = 256
_PUBLISH_S = 2.0
_PING_S = 1
_RETRY_S = 0.5
_STOP_S = 2.0


class BrokerError(Exception):
    """A message could not be handed to the broker, or the broker did not say that it has it."""


class PoisonMessageError(Exception):
    """A message that no later attempt can handle either; it is not delivered again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A durable consumer: its name, the subjects it takes, and what handles one message.

    *handler* gets the subject and the body. Its return acknowledges the message; when it
    raises, the message comes again after :data:`REDELIVERY_S`, without a limit.
    """

    name: str
    subjects: tuple[str, ...]
    handler: Callable[[str, bytes], Awaitable[None]]


class Broker:
    """One service's connection to JetStream.

    The service starts, and goes on, without the broker: publishing then fails at once,
    readiness says so, and consumers take up their work when it is back.
    """

    def __init__(self, url: str, *, name: str) -> None:
        self._url = url
        self._name = name
        self._log = obskit.get_logger()
        self._client: Client = obskit.instrument(Client())
        self._stream: JetStreamContext = self._client.jetstream()
        self._declaring = asyncio.Lock()
        self._is_closing = False
        self._handling: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self, consumer: Consumer) -> AsyncIterator[None]:
        """Stay connected and consume while the block runs; at its end finish what is in hand."""
        session = asyncio.create_task(self._session(consumer))
        session.add_done_callback(self._ended)
        try:
            yield
        finally:
            self._is_closing = True
            session.cancel()
            await asyncio.wait([session])
            if self._handling:
                await asyncio.wait(self._handling, timeout=_STOP_S)
            with suppress(NatsError, OSError):
                await self._client.close()

    async def publish(self, subject: str, body: bytes, *, message_id: str) -> None:
        """Publish *body* and return when JetStream has stored it.

        Within the stream's duplicate window a second message of the same *message_id* is
        dropped by the broker, so a repeat after a doubtful failure is safe.

        Raises:
            BrokerError: the broker is away or did not acknowledge; it may have the message.
        """
        try:
            await self._publish(subject, body, message_id)
        except (NatsError, OSError, TimeoutError) as error:
            msg = f"{subject} was not acknowledged by the broker: {type(error).__name__}."
            raise BrokerError(msg) from error

    async def check(self) -> None:
        """Raise when the broker does not answer: the readiness check."""
        if not self._client.is_connected:
            msg = "not connected to the broker"
            raise BrokerError(msg)
        await self._client.flush(timeout=_PING_S)

    async def _publish(self, subject: str, body: bytes, message_id: str) -> None:
        send = partial(self._stream.publish, subject, body, timeout=_PUBLISH_S)
        try:
            await send(headers={"Nats-Msg-Id": message_id})
        except NoStreamResponseError:
            await self._declare(None)
            await send(headers={"Nats-Msg-Id": message_id})

    async def _session(self, consumer: Consumer) -> None:
        await self._client.connect(
            self._url,
            name=self._name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=_RETRY_S,  # type: ignore[arg-type]  # declared int, used as seconds of a sleep
            pending_size=0,  # while the broker is away a caller hears so at once
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
        )
        while True:
            # A stream or consumer that went away with the broker's store is made anew.
            with suppress(NatsError, OSError, TimeoutError):
                await self._pull(consumer)
            await asyncio.sleep(_RETRY_S)

    def _ended(self, session: asyncio.Task[None]) -> None:
        if not session.cancelled():
            self._log.critical("broker.abandoned", exc_info=session.exception())

    async def _pull(self, consumer: Consumer) -> None:
        await self._declare(consumer)
        subscription = await self._stream.pull_subscribe_bind(consumer.name, STREAM)
        try:
            while True:
                if len(self._handling) >= _HANDLERS:
                    await asyncio.wait(self._handling, return_when=asyncio.FIRST_COMPLETED)
                # Returns as soon as there is a message, with as many as there are.
                free = _HANDLERS - len(self._handling)
                with suppress(TimeoutError):
                    for message in await subscription.fetch(free, timeout=_FETCH_S):
                        self._start(message, consumer)
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()

    def _start(self, message: Msg, consumer: Consumer) -> None:
        # A task of its own: messages do not wait for each other, and an error stays where it belongs.
        task = asyncio.create_task(self._handle(message, consumer))
        self._handling.add(task)
        task.add_done_callback(self._handled)

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        if not task.cancelled():
            task.exception()  # seen here: obskit has logged it

    async def _handle(self, message: Msg, consumer: Consumer) -> None:
        attempt = min(message.metadata.num_delivered, len(REDELIVERY_S))
        settle: Callable[[], Awaitable[None]] = partial(message.nak, REDELIVERY_S[attempt - 1])
        try:
            async with obskit.consume(message, destination=message.subject):
                await consumer.handler(message.subject, message.data)
            settle = message.ack
        except PoisonMessageError:
            settle = message.term
            raise
        finally:
            # An unsettled message comes again when the broker's wait for it is over.
            with suppress(NatsError, OSError):
                await settle()

    async def _declare(self, consumer: Consumer | None) -> None:
        async with self._declaring:
            try:
                await self._stream.add_stream(_CONFIG)
            except BadRequestError:  # it exists with an older description
                await self._stream.update_stream(_CONFIG)
            if consumer is not None:
                await self._stream.add_consumer(STREAM, _durable(consumer))

    async def _on_error(self, error: Exception) -> None:
        self._log.debug("broker.error_reported", error=type(error).__name__)

    async def _on_disconnected(self) -> None:
        if not self._is_closing:
            self._log.warning("broker.disconnected")

    async def _on_reconnected(self) -> None:
        self._log.info("broker.reconnected")


def _durable(consumer: Consumer) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=consumer.name,
        filter_subjects=list(consumer.subjects),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=_ACK_WAIT_S,  # after a killed process its messages come again this soon
        max_ack_pending=_UNSETTLED,  # so many are tried again and again while all fail; the rest waits
        max_deliver=-1,
    )
