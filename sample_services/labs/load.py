"""Offers calls on the load generator's schedule: a slow answer delays no later call."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sample_services.labs.errors import CallFailedError
from sample_services.loadgen.report import Tally
from sample_services.loadgen.schedule import Rate, arrivals

__all__ = ["MOST_IN_FLIGHT", "Call", "Observe", "Offer"]

MOST_IN_FLIGHT = 256
"""Calls that may wait at once; the next one waits for a place, and that counts as its waiting too."""

_GIVEN_UP_S = 15.0
"""How long the last answers are waited for."""

_FAILURES = (httpx.TransportError, OSError, TimeoutError, PoolTimeoutError, OperationalError)
"""What a caller gets when there is no room, no answer or nobody; anything else is a defect of the lab."""

Call = Callable[[int], Awaitable[None]]
"""Makes one call; its argument is a number that no other call has."""
Observe = Callable[[float, str], None]
"""Told of each call: how many seconds the caller waited, and the kind of its failure or an empty text."""


@dataclass(slots=True)
class Offer:
    """Makes *call* at *rate* a second for *seconds*; the same *seed* gives the same moments."""

    call: Call
    rate: float
    seconds: float
    seed: int
    first: int
    """The number of the first call; the next one has the next."""
    observe: Observe
    tally: Tally = field(default_factory=Tally)
    _waiting: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> float:
        """Make every call, wait for the answers, and return how many seconds that took."""
        start = time.perf_counter()
        for arrival in arrivals(Rate(self.rate, self.rate), {"sync": 1}, self.seed):
            if arrival.at_s >= self.seconds and self.tally.sent:  # at least one, however short
                break
            due = start + arrival.at_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if len(self._waiting) >= MOST_IN_FLIGHT:
                await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self._make(self.first + self.tally.sent, due))
            self.tally.sent += 1
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
        await self._finish()
        return time.perf_counter() - start

    async def once(self) -> None:
        """Make one call now."""
        self.tally.sent += 1
        await self._make(self.first, time.perf_counter())

    async def _finish(self) -> None:
        if not self._waiting:
            return
        waiting = set(self._waiting)
        _, late = await asyncio.wait(waiting, timeout=_GIVEN_UP_S)
        for task in late:
            task.cancel()
        # A failure that no call should have is a defect of the lab, and ends it.
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        if late:
            self.tally.errors["unanswered"] += len(late)

    async def _make(self, number: int, due: float) -> None:
        kind = ""
        try:
            await self.call(number)
            self.tally.ok += 1
        except CallFailedError as error:
            kind = error.kind
        except _FAILURES as error:
            kind = type(error).__name__
        waited = time.perf_counter() - due
        if kind:
            self.tally.errors[kind] += 1
        self.tally.from_schedule.add(waited)
        self.observe(waited, kind)
