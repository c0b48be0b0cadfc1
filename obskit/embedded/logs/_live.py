"""Hands new lines to those who tail."""

import asyncio
import threading
from collections import deque
from collections.abc import Mapping, Sequence

import orjson

from obskit.embedded.logs._errors import QueryError
from obskit.embedded.logs._store import Batch
from obskit.embedded.logs.logql import (
    Found,
    Line,
    Logs,
    check_matchers,
    matcher_test,
    metadata_of,
    pipeline,
)

__all__ = ["Follower", "Live"]

_MOST_WAITING = 10_000
_MOST_BYTES = 8 << 20
_MOST_FOLLOWERS = 10


class Follower:
    """One who tails: lines that match its query wait here until they are taken.

    Who takes them too slowly loses the oldest; they are counted.
    """

    def __init__(self, query: Logs, loop: asyncio.AbstractEventLoop) -> None:
        check_matchers(query.matchers)
        self._tests = [(matcher.name, matcher_test(matcher)) for matcher in query.matchers]
        self._stages = pipeline(query.stages)
        self._loop = loop
        self._arrived = asyncio.Event()
        self._lock = threading.Lock()
        self._waiting: deque[Found] = deque()
        self._bytes = 0
        self.dropped = 0

    def offer(self, labels: Mapping[str, str], batch: Batch) -> None:
        """Take the lines of a stream that match."""
        if not all(test(labels.get(name, "")) for name, test in self._tests):
            return
        line = Line(labels)
        for ts, text, metadata in batch.entries:
            line.begin(ts, text, metadata_of(metadata))
            if all(stage(line) for stage in self._stages):
                self._keep((ts, tuple(sorted(line.all().items())), line.text))
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)

    def _keep(self, found: Found) -> None:
        with self._lock:
            self._waiting.append(found)
            self._bytes += len(found[2])
            while len(self._waiting) > _MOST_WAITING or self._bytes > _MOST_BYTES:
                self._bytes -= len(self._waiting.popleft()[2])
                self.dropped += 1

    async def take(self) -> list[Found]:
        """Wait for lines and return them, by their time."""
        await self._arrived.wait()
        self._arrived.clear()
        with self._lock:
            taken = sorted(self._waiting, key=lambda found: found[0])
            self._waiting.clear()
            self._bytes = 0
        return taken


class Live:
    """Everybody who tails now."""

    def __init__(self) -> None:
        self._followers: tuple[Follower, ...] = ()

    def publish(self, batches: Sequence[Batch]) -> None:
        """Offer lines that were stored; called by the thread that stores."""
        for follower in self._followers:
            for batch in batches:
                follower.offer(orjson.loads(batch.labels), batch)

    def join(self, follower: Follower) -> None:
        """Give *follower* the lines from now on.

        Raises:
            QueryError: too many tail already.
        """
        count = len(self._followers) + 1
        if count > _MOST_FOLLOWERS:
            msg = f"max concurrent tail requests limit exceeded, count > limit ({count} > {_MOST_FOLLOWERS})"
            raise QueryError(msg)
        self._followers = (*self._followers, follower)

    def leave(self, follower: Follower) -> None:
        """Give *follower* nothing more."""
        self._followers = tuple(each for each in self._followers if each is not follower)
