"""A fault while it is on: its chance, its evidence, and what of the service it can get at."""

import asyncio
import contextvars
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cashews import Cache
from opentelemetry import trace
from sqlalchemy import Table

import obskit
from sample_services.broker import Broker
from sample_services.database import Database
from sample_services.resilient import Resilient
from sample_services.tasks import end

__all__ = ["Active", "History", "InjectedFaultError", "Mechanism", "Reach"]

_SEED = 1
_ATTRIBUTE = "obskit.fault"
_EVENT = "fault.injected"

_Part = TypeVar("_Part")


class History(Protocol):
    """A table that can be filled with the rows of a long life."""

    table: Table

    async def fill(self, rows: int) -> None:
        """Add so many rows that nobody asks for."""

    async def clear(self) -> None:
        """Delete them again."""


class InjectedFaultError(RuntimeError):
    """The operation failed because a fault is on; nothing is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The parts of a service that its faults can get at; None is a part that it does not have."""

    database: Database | None = None
    broker: Broker | None = None
    cache: Cache | None = None
    history: History | None = None
    provider: Resilient | None = None
    """How the payment provider is called."""
    smtp_url: str | None = None
    token: str | None = None
    """The admin token, for orders to other processes."""


class Active:
    """A fault that is on, at *level* percent."""

    def __init__(self, fault_id: str, level: int, reach: Reach) -> None:
        self.fault_id = fault_id
        self.level = level
        self.reach = reach
        self.hits = 0
        self.ended = asyncio.Event()
        """Set when the fault is turned off; what it holds back goes on then."""
        self.chance = random.Random(f"{_SEED}/{fault_id}").random  # noqa: S311 - repeatable on purpose
        """Gives a number from 0 to 1; the same sequence each time the fault is on."""
        self._log = obskit.get_logger()

    @property
    def share(self) -> float:
        """The level as a number from 0 to 1."""
        return self.level / 100

    def takes(self) -> bool:
        """Decide about one operation."""
        return self.chance() < self.share

    def leave_evidence(self, **fields: Any) -> None:
        """Count a hit, log it, and mark the current span."""
        self.hits += 1
        trace.get_current_span().set_attribute(_ATTRIBUTE, self.fault_id)
        self._log.warning(_EVENT, fault=self.fault_id, fault_level=self.level, **fields)

    async def wait(self, seconds: float | None) -> None:
        """Wait so long, or until the fault is turned off; None waits for that only."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.ended.wait()

    def need(self, part: _Part | None) -> _Part:
        """Return a part of the service.

        Raises:
            RuntimeError: the service was built without it.
        """
        if part is None:
            msg = f"The fault {self.fault_id} needs a part that this service does not give to its faults."
            raise RuntimeError(msg)
        return part

    @asynccontextmanager
    async def repeating(
        self, interval_s: float, work: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[None]:
        """Do *work* every *interval_s* seconds while the block runs."""

        async def rounds() -> None:
            while True:
                await work()
                await asyncio.sleep(interval_s)

        # A context of its own: what it does is not part of the request that turned the fault on.
        task = asyncio.create_task(rounds(), context=contextvars.Context())
        try:
            yield
        finally:
            await end(task)


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


class Mechanism:
    """A way to break something. A dataclass: its fields are the ``options`` of a row.

    Most act on single operations (:meth:`strike`, :meth:`diverts`), some on a part of the
    service for as long as they are on (:meth:`running`).
    """

    async def strike(self, on: Active, point: str) -> None:
        """Act on the operation that has come to *point*: delay it, or raise."""

    def diverts(self, on: Active, point: str) -> bool:  # noqa: ARG002 - for those that do
        """Tell whether the operation at *point* has to go its bad way."""
        return False

    def running(self, on: Active) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - as above
        """Break something while the block runs, and mend it at its end."""
        return _nothing()
