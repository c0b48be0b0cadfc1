"""The faults of one service: which it knows, and which are on."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import obskit
from sample_services.faults._active import Active, Mechanism, Reach
from sample_services.faults._mechanisms import MECHANISMS
from sample_services.faults._rows import Fault, load

__all__ = ["Faults"]


@dataclass(frozen=True, slots=True)
class _Running:
    active: Active
    mechanism: Mechanism
    mending: AsyncExitStack


class Faults:
    """The faults of one service that are on. They live in memory: a restart turns them off."""

    def __init__(
        self, service: str, reach: Reach | None = None, catalogue: Sequence[Fault] | None = None
    ) -> None:
        rows = load() if catalogue is None else catalogue
        self.known = {
            fault.id: fault for fault in rows if fault.acts == "service" and fault.service == service
        }
        self._reach = reach or Reach()
        self._running: dict[str, _Running] = {}
        self._log = obskit.get_logger()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Mend at the end of the block what is broken then."""
        try:
            yield
        finally:
            for fault_id in list(self._running):
                await self.turn_off(fault_id)

    async def at(self, point: str) -> None:
        """Let the faults act that are on at *point*; the operation about to run calls this.

        Raises:
            InjectedFaultError: a fault fails this operation.
        """
        for each in list(self._running.values()):
            await each.mechanism.strike(each.active, point)

    def divert(self, point: str) -> bool:
        """Tell whether a fault sends the operation at *point* its bad way."""
        return any(each.mechanism.diverts(each.active, point) for each in self._running.values())

    async def turn_on(self, fault_id: str, level: int) -> None:
        """Let a known fault act at *level* percent from now on."""
        fault = self.known[fault_id]
        await self.turn_off(fault_id)
        active, mending = Active(fault_id, level, self._reach), AsyncExitStack()
        mechanism = MECHANISMS.make(fault.mechanism, fault.options)
        await mending.enter_async_context(mechanism.running(active))
        self._running[fault_id] = _Running(active, mechanism, mending)
        self._log.warning("fault.activated", fault=fault_id, fault_level=level)

    async def turn_off(self, fault_id: str) -> None:
        """End a known fault and mend what it broke; one that is off stays off."""
        running = self._running.pop(fault_id, None)
        if running is not None:
            running.active.ended.set()
            await running.mending.aclose()
            self._log.info("fault.cleared", fault=fault_id, hits=running.active.hits)

    def status(self, fault_id: str) -> dict[str, str | int]:
        """Return id, level (0 when off) and hits since it was turned on."""
        running = self._running.get(fault_id)
        level, hits = (running.active.level, running.active.hits) if running else (0, 0)
        return {"id": fault_id, "level": level, "hits": hits}
