"""Callers that make a bad moment worse."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sample_services.faults._active import Active, InjectedFaultError, Mechanism

__all__ = ["StormOfRetries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StormOfRetries(Mechanism):
    """Calls at *point* fail now and then, *share* of them at 100 %, and are repeated without end."""

    point: str
    share: float
    attempts: int

    async def strike(self, on: Active, point: str) -> None:
        """Fail some of the attempts."""
        if point == self.point and on.chance() < self.share * on.share:
            on.leave_evidence(point=point)
            msg = f"The fault {on.fault_id} is on at {on.level} %; this attempt was chosen to fail."
            raise InjectedFaultError(msg)

    @asynccontextmanager
    async def running(self, on: Active) -> AsyncIterator[None]:
        """Take budget, breaker and waits away."""
        with on.need(on.reach.provider).recklessly(self.attempts):
            yield
