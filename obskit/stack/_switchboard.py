"""Switches the faults that act on the stack: what is stopped, frozen, replaced or run, and for how long.

A process that a fault holds is given back when the fault is switched off, and not before. What is on
is in the state file, so that a supervisor that takes over goes on with it; a stack that goes down
forgets it.
"""

import asyncio
import logging
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field

from obskit.stack._evidence import note
from obskit.stack._home import Home
from obskit.stack._specs import Plan, ProcessSpec, StackFault
from obskit.stack._unit import Unit

__all__ = ["SwitchError", "Switchboard"]

_log = logging.getLogger(__name__)

PERIOD_S = 4.0
"""Seconds in which a process is frozen once, for as many percent of them as the level says."""
_WATCH_S = 0.25
_PREPARE_S = 20.0
_GRACE_S = 5.0
_FULL = 100


class SwitchError(Exception):
    """A fault cannot be switched; *is_unknown* says that there is none of that name."""

    def __init__(self, message: str, *, is_unknown: bool = False) -> None:
        super().__init__(message)
        self.is_unknown = is_unknown


@dataclass(slots=True)
class _Active:
    fault: StackFault
    level: int
    hits: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Switchboard:
    """The faults of one stack. *units* are its processes; what a fault runs is added to them and taken out."""

    def __init__(
        self, home: Home, plan: Plan, units: MutableMapping[str, Unit], publish: Callable[[], None]
    ) -> None:
        self._home = home
        self.know(plan.faults)
        self._units = units
        self._publish = publish
        self._on: dict[str, _Active] = {}
        self._turn = asyncio.Lock()

    def know(self, faults: Iterable[StackFault]) -> None:
        """Have *faults*, and no others, to switch from now on."""
        self._known = {fault.id: fault for fault in faults}

    @property
    def levels(self) -> dict[str, int]:
        """The faults that are on, and their levels."""
        return {name: active.level for name, active in self._on.items()}

    def status(self) -> list[dict[str, str | int]]:
        """Return id, level (0 when off) and hits, how often the stack was acted on, of every fault."""
        return [self._status(fault_id) for fault_id in self._known]

    async def turn_on(self, fault_id: str, level: int) -> dict[str, str | int]:
        """Switch a fault on, or to another level, and return its status.

        Raises:
            SwitchError: there is no such fault or level, its process is held already, or it cannot begin.
        """
        fault = self._find(fault_id)
        if level not in fault.levels:
            accepted = ", ".join(map(str, fault.levels))
            msg = f"level={level} is not a level of {fault_id}; use {accepted}."
            raise SwitchError(msg)
        async with self._turn:
            await self._end(fault_id)
            self._refuse_held(fault)
            await self._prepare(fault, level)
            self._hold(fault, level)
            self._publish()  # before it acts: whoever takes over has to know whose work it is
            await self._act(self._on[fault_id])
            self._publish()
        _log.warning("fault %s is on at %d %%", fault_id, level)
        note(self._home, "fault.activated", fault=fault_id, level=level)
        return self._status(fault_id)

    async def turn_off(self, fault_id: str) -> dict[str, str | int]:
        """Switch a fault off and give back what it held; one that is off stays off.

        Raises:
            SwitchError: there is no such fault.
        """
        self._find(fault_id)
        async with self._turn:
            was_on = fault_id in self._on
            await self._end(fault_id)
            self._publish()
        if was_on:
            note(self._home, "fault.cleared", fault=fault_id, level=0)
        return self._status(fault_id)

    def adopt(self, levels: Mapping[str, int]) -> None:
        """Take note of what an earlier supervisor had switched on; :meth:`resume` goes on with it."""
        for fault_id, level in levels.items():
            if fault_id in self._known:
                self._hold(self._known[fault_id], level)

    async def resume(self) -> None:
        """Go on with what was adopted; the processes are known by now."""
        async with self._turn:
            for active in self._on.values():
                # What runs under another command line does so already, and is left alone.
                if active.fault.action != "replace":
                    await self._act(active)

    async def close(self) -> None:
        """End what the faults run, and let everything go on that they froze."""
        async with self._turn:
            for fault_id in list(self._on):
                await self._end(fault_id, is_given_back=False)

    def _find(self, fault_id: str) -> StackFault:
        if fault_id not in self._known:
            accepted = ", ".join(self._known) or "none"
            msg = f"The stack has no fault {fault_id!r}; it has: {accepted}."
            raise SwitchError(msg, is_unknown=True)
        return self._known[fault_id]

    def _status(self, fault_id: str) -> dict[str, str | int]:
        active = self._on.get(fault_id)
        level, hits = (active.level, active.hits) if active else (0, 0)
        return {"id": fault_id, "level": level, "hits": hits}

    def _refuse_held(self, fault: StackFault) -> None:
        unit = self._units.get(fault.process)
        if unit is None and fault.action != "run":
            msg = f"{fault.id} acts on {fault.process}, which this stack does not run."
            raise SwitchError(msg)
        if unit is not None and unit.held_by:
            msg = f"{fault.process} is held by the fault {unit.held_by}; switch that off first."
            raise SwitchError(msg)

    async def _prepare(self, fault: StackFault, level: int) -> None:
        if not fault.prepare:
            return
        argv = _filled(fault.prepare, level)
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            async with asyncio.timeout(_PREPARE_S):
                _, said = await process.communicate()
        except TimeoutError:
            process.kill()
            said = f"no end within {_PREPARE_S:g} s".encode()
        if process.returncode != 0:
            msg = f"{fault.id} could not be prepared: {said.decode(errors='replace').strip()[-300:]}"
            raise SwitchError(msg)

    def _hold(self, fault: StackFault, level: int) -> None:
        """Mark the process as the fault's; nothing happens to it yet."""
        self._on[fault.id] = _Active(fault, level)
        if fault.action == "run":
            self._units[fault.process] = Unit(_spec(fault, level), self._home)
            return
        unit = self._units.get(fault.process)
        if unit is not None:
            unit.held_by = fault.id
            unit.is_barred = fault.action == "stop"
            unit.argv = _filled(fault.argv, level) if fault.action == "replace" else unit.argv

    async def _act(self, active: _Active) -> None:
        unit = self._units.get(active.fault.process)
        if unit is None:
            return
        active.hits += 1
        match active.fault.action:
            case "stop":
                unit.kill()
            case "replace":
                await unit.end()  # whoever watches it starts it anew
            case "pause":
                active.tasks.append(asyncio.create_task(_freeze(unit, active)))
            case "run":
                active.tasks.append(asyncio.create_task(self._keep_running(unit, active)))

    async def _keep_running(self, unit: Unit, active: _Active) -> None:
        """Watch what a fault runs: one that ends well has reached its bound, and the fault is off then."""
        while True:
            if not unit.alive():
                unit.start()
                self._publish()
            while unit.alive():
                if unit.state != "ready":
                    unit.note_ready()
                    self._publish()
                await asyncio.sleep(_WATCH_S)
            if unit.has_finished():
                break
            unit.bury()
            active.hits += 1
            self._publish()
            await asyncio.sleep(unit.pause_s)
        _log.info("fault %s has run its time", active.fault.id)
        del self._on[active.fault.id], self._units[active.fault.process]
        self._publish()

    async def _end(self, fault_id: str, *, is_given_back: bool = True) -> None:
        active = self._on.get(fault_id)
        if active is None:
            return
        for task in active.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        unit = self._units.get(active.fault.process)
        if unit is not None and active.fault.action == "run":
            await unit.end()
            del self._units[active.fault.process]
        elif unit is not None:
            await self._give_back(unit, active.fault, is_given_back=is_given_back)
        self._on.pop(fault_id, None)
        _log.info("fault %s is off", fault_id)

    async def _give_back(self, unit: Unit, fault: StackFault, *, is_given_back: bool) -> None:
        unit.signal(signal.SIGCONT)
        if fault.action == "replace" and is_given_back:
            unit.argv = unit.spec.argv
            await unit.end()
        unit.held_by, unit.is_barred = "", False


def _spec(fault: StackFault, level: int) -> ProcessSpec:
    return ProcessSpec(
        name=fault.process, argv=_filled(fault.argv, level), env=fault.env, stop_grace_s=_GRACE_S
    )


def _filled(argv: tuple[str, ...], level: int) -> tuple[str, ...]:
    return tuple(part.replace("{level}", str(level)) for part in argv)


async def _freeze(unit: Unit, active: _Active) -> None:
    frozen_s = PERIOD_S * active.level / _FULL
    while True:
        unit.signal(signal.SIGSTOP)
        await asyncio.sleep(frozen_s)
        if active.level < _FULL:
            unit.signal(signal.SIGCONT)
            await asyncio.sleep(PERIOD_S - frozen_s)
        active.hits += 1
