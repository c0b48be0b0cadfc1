"""JetStream for the sample services: one connection a service, publishing with an acknowledgement.

All waiting is for the broker or between attempts to reach it; no message waits for a timer.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError

import obskit
from sample_services.consumers import BrokerError, Consumer, PoisonMessageError, Worker
from sample_services.streams import STREAMS
from sample_services.tasks import end

__all__ = ["Broker", "BrokerError", "Consumer", "PoisonMessageError"]

_PUBLISH_S = 2.0
_PING_S = 1
_RETRY_S = 0.5
_AWAY = (NatsError, OSError, TimeoutError)


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
        self._jetstream: JetStreamContext = self._client.jetstream()
        self._declaring = asyncio.Lock()
        self._is_closing = False

    @asynccontextmanager
    async def running(self, *consumers: Consumer) -> AsyncIterator[None]:
        """Stay connected and consume while the block runs; at its end finish what is in hand."""
        workers = [Worker(consumer, self._jetstream, self.publish) for consumer in consumers]
        session = asyncio.create_task(self._session(workers))
        session.add_done_callback(self._ended)
        try:
            yield
        finally:
            self._is_closing = True
            await end(session)
            await asyncio.gather(*(worker.finish() for worker in workers))
            with suppress(NatsError, OSError):
                await self._client.close()

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Publish *body* and return when JetStream has stored it.

        Within the stream's duplicate window a second message of the same *message_id* is
        dropped by the broker, so a repeat after a doubtful failure is safe. *headers* are
        those of ``obskit.message_headers()``, kept from the request that the message is about.

        Raises:
            BrokerError: the broker is away or did not acknowledge; it may have the message.
        """
        all_headers = {**(headers or {}), "Nats-Msg-Id": message_id}
        send = partial(self._jetstream.publish, subject, body, timeout=_PUBLISH_S, headers=all_headers)
        try:
            try:
                await send()
            except NoStreamResponseError:
                await self._declare_streams()
                await send()
        except _AWAY as error:
            msg = f"{subject} was not acknowledged by the broker: {type(error).__name__}."
            raise BrokerError(msg) from error

    async def check(self) -> None:
        """Raise when the broker does not answer: the readiness check."""
        if not self._client.is_connected:
            msg = "not connected to the broker"
            raise BrokerError(msg)
        await self._client.flush(timeout=_PING_S)

    async def _session(self, workers: Sequence[Worker]) -> None:
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
        async with asyncio.TaskGroup() as working:
            for worker in workers:
                working.create_task(self._consume(worker))

    def _ended(self, session: asyncio.Task[None]) -> None:
        if not session.cancelled() and (error := session.exception()):
            self._log.critical("broker.abandoned", exc_info=error)

    async def _consume(self, worker: Worker) -> None:
        """Let *worker* pull for ever; a stream or consumer that the broker has lost is made anew."""
        consumer = worker.consumer
        is_well = True
        while True:
            try:
                await self._declare(consumer)
                if not is_well:
                    self._log.info("broker.consumer_recovered", consumer=consumer.name)
                is_well = True
                async with obskit.watch_consumer(
                    self._jetstream, stream=consumer.stream, consumer=consumer.name
                ):
                    await worker.pull()
            except _AWAY as error:
                if is_well:
                    about = {"error": type(error).__name__, "why": str(error)}
                    self._log.warning("broker.consumer_failed", consumer=consumer.name, **about)
                is_well = False
            await asyncio.sleep(_RETRY_S)

    async def _declare(self, consumer: Consumer) -> None:
        await self._declare_streams()
        await self._jetstream.add_consumer(consumer.stream, consumer.durable())

    async def _declare_streams(self) -> None:
        async with self._declaring:
            for name, wanted in STREAMS.items():
                # Asked first: to add one that is there counts as its size once more, and may be refused.
                try:
                    found = (await self._jetstream.stream_info(name)).config
                except NotFoundError:
                    await self._jetstream.add_stream(wanted)
                    continue
                if _described(found) != _described(wanted):  # by an older version
                    await self._jetstream.update_stream(wanted)

    async def _on_error(self, error: Exception) -> None:
        self._log.debug("broker.error_reported", error=type(error).__name__)

    async def _on_disconnected(self) -> None:
        if not self._is_closing:
            self._log.warning("broker.disconnected")

    async def _on_reconnected(self) -> None:
        self._log.info("broker.reconnected")


def _described(stream: StreamConfig) -> tuple[object, ...]:
    """Return what of a stream's description may change from one version of ours to the next."""
    return stream.subjects, stream.max_bytes, stream.max_age or 0  # the broker says 0 for none
