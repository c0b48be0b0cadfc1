"""How much waits in a queue, and for how long: asked in the background, shown as gauges."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from obskit.catalog import QUEUE_DEPTH, QUEUE_OLDEST_AGE, QUEUE_REDELIVERED, QUEUE_UNACKNOWLEDGED, QUEUE_UP
from obskit.messaging._owner import Owner

__all__ = ["QueueState", "QueueWatch", "jetstream_state"]

_LEAST_S = 0.1
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """What one consumer has before it at one moment."""

    waiting: int
    """Messages that wait for their first delivery."""
    unacknowledged: int = 0
    """Messages that are delivered and neither acknowledged nor given up."""
    redelivered: int = 0
    """Of those, the ones that were delivered more than once."""
    oldest_age_s: float = 0.0
    """Seconds since the oldest of them all was published; 0 when there is none."""


_UNKNOWN = (math.nan,) * 4


class QueueWatch:
    """Asks for the state of one queue every *every_s* seconds while the ``async with`` block runs.

    One question at a time, each at most 5 s long. A queue that cannot be asked shows as NaN
    and as ``obskit_messaging_queue_up`` 0, and is logged once, until it can be asked again;
    after the block it is unknown too.
    """

    def __init__(
        self,
        owner: Callable[[], Owner],
        ask: Callable[[], Awaitable[QueueState]],
        *,
        destination: str,
        consumer: str,
        every_s: float,
    ) -> None:
        if every_s < _LEAST_S:
            msg = f"every_s={every_s!r} is too often; use {_LEAST_S} seconds or more."
            raise ValueError(msg)
        self._owner = owner
        self._ask = ask
        self._labels = (destination, consumer)
        self._every_s = every_s
        self._is_up = True

    async def __aenter__(self) -> None:
        # Taken once: after obskit.shutdown() the watch must not turn telemetry on again.
        self._telemetry = self._owner()
        self._task = asyncio.create_task(self._rounds())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        self._show(_UNKNOWN, is_up=False)  # the last answer is not true for ever

    async def _rounds(self) -> None:
        while True:
            await self._round()
            await asyncio.sleep(self._every_s)

    async def _round(self) -> None:
        question = asyncio.ensure_future(self._ask())
        try:
            await asyncio.wait([question], timeout=_TIMEOUT_S)
        finally:
            if not question.done():
                question.cancel()
        if not question.done() or question.cancelled():
            self._failed("TimeoutError", f"no answer within {_TIMEOUT_S:g} s")
        elif (error := question.exception()) is not None:
            self._failed(type(error).__name__, str(error))
        else:
            self._answered(question.result())

    def _answered(self, state: QueueState) -> None:
        values = (state.waiting, state.unacknowledged, state.redelivered, state.oldest_age_s)
        self._show(values, is_up=True)
        if not self._is_up:
            self._telemetry.pipe.emit("info", "queue.watch_recovered", self._fields())
        self._is_up = True

    def _failed(self, kind: str, why: str) -> None:
        self._show(_UNKNOWN, is_up=False)
        if self._is_up:
            fields = {**self._fields(), "error": kind, "why": why}
            self._telemetry.pipe.emit("warning", "queue.watch_failed", fields)
        self._is_up = False

    def _show(self, values: tuple[float, float, float, float], *, is_up: bool) -> None:
        metrics = (QUEUE_DEPTH, QUEUE_UNACKNOWLEDGED, QUEUE_REDELIVERED, QUEUE_OLDEST_AGE)
        for metric, value in zip(metrics, values, strict=True):
            self._telemetry.metrics.gauge(metric, *self._labels).set(value)
        self._telemetry.metrics.gauge(QUEUE_UP, *self._labels).set(is_up)

    def _fields(self) -> dict[str, Any]:
        destination, consumer = self._labels
        return {"destination": destination, "consumer": consumer}


async def jetstream_state(jetstream: Any, stream: str, consumer: str) -> QueueState:
    """Return what a JetStream consumer has before it.

    The oldest message that is not done is the first one of the consumer's subjects after
    the last sequence up to which everything is acknowledged.
    """
    info = await jetstream.consumer_info(stream, consumer)
    waiting, unacknowledged = info.num_pending or 0, info.num_ack_pending or 0
    oldest_age_s = 0.0
    if waiting or unacknowledged:
        config = info.config
        subjects = config.filter_subjects or [config.filter_subject or ">"]
        oldest_age_s = await _oldest_age_s(jetstream, stream, info.ack_floor.stream_seq + 1, subjects)
    return QueueState(
        waiting=waiting,
        unacknowledged=unacknowledged,
        redelivered=info.num_redelivered or 0,
        oldest_age_s=oldest_age_s,
    )


async def _oldest_age_s(jetstream: Any, stream: str, first: int, subjects: list[str]) -> float:
    from nats.js.errors import NotFoundError  # an optional package

    published = []
    for subject in subjects:
        try:
            found = await jetstream.get_msg(stream, seq=first, subject=subject, next=True)
        except NotFoundError:  # none of this subject is left
            continue
        published.append(found.time.timestamp())
    # The broker's clock may be ahead of ours.
    return max(0.0, time.time() - min(published)) if published else 0.0
