"""Watches the processes of a stack, starts what died, and ends them all when told to.

It may be killed at any time. Its processes run on, the keeper starts another supervisor,
and that one takes over what still runs: by the state file, and by the mark that each
process carries for the case that one was started but not yet written down.
"""

import asyncio
import logging
import os
import signal
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace

from obskit.errors import StackError
from obskit.stack._control import serving
from obskit.stack._files import write_atomic
from obskit.stack._home import Home
from obskit.stack._identity import find_marked, identify, is_alive
from obskit.stack._logs import cap, prune
from obskit.stack._probe import check
from obskit.stack._specs import KEEPER, SUPERVISOR, Plan, ProcessSpec
from obskit.stack._state import Phase, ProcessRecord, StackRecord, read_record
from obskit.stack._switchboard import Switchboard
from obskit.stack._unit import Unit

__all__ = ["Supervisor", "supervise"]

_log = logging.getLogger(__name__)

WATCH_S = 0.1
"""Seconds between two looks at a process that is not ready yet."""
WATCH_READY_S = 0.25
"""Seconds between two looks at a process that is."""
HOUSEKEEPING_S = 10.0
"""Seconds between two looks at the sizes of the logs."""
_TAKE_OVER_S = 5.0
_FIRST_START_S = 30.0


class Supervisor:
    """One stack from start to stop."""

    def __init__(self, home: Home, plan: Plan) -> None:
        self._home = home
        self._plan = plan
        self._units = {spec.name: Unit(spec, home) for spec in plan.processes}
        self._faults = Switchboard(home, plan, self._units, self._publish)
        self._cares: dict[str, asyncio.Task[None]] = {}
        self._phase: Phase = "starting"
        self._stopping = asyncio.Event()
        self._record = ProcessRecord(name=SUPERVISOR, state="ready", started_at=time.time())

    async def run(self) -> None:
        """Watch until told to stop, by signal or because the owner or the home folder is gone."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        self._take_over()
        self._keep_plan()
        self._publish()
        with serving(self._plan.control_port, self._home, self._faults):
            async with asyncio.TaskGroup() as group:
                for spec in self._plan.processes:
                    self._cares[spec.name] = group.create_task(self._care(self._units[spec.name]))
                others = (self._housekeeping(), self._watch_reasons(), self._watch_plan(group))
                tasks = [group.create_task(each) for each in others]
                await self._faults.resume()
                await self._stopping.wait()
                for task in (*tasks, *self._cares.values()):
                    task.cancel()
        await self._stop_all()

    def _take_over(self) -> None:
        previous = read_record(self._home.state)
        self._record = self._own_record(previous)
        if previous is not None and previous.phase != "stopping":
            self._phase = previous.phase
            self._faults.adopt(previous.faults)
            for record in previous.processes:
                if record.name in self._units:
                    self._units[record.name].adopt(record)
        known = {unit.process for unit in self._units.values()}
        for name, process in find_marked(self._home.root):
            unit = self._units.get(name)
            if process not in known and unit is not None and unit.process is None:
                unit.adopt_stray(process)

    def _own_record(self, previous: StackRecord | None) -> ProcessRecord:
        restarts = previous.supervisor.restarts + 1 if previous is not None else 0
        return ProcessRecord(
            name=SUPERVISOR,
            state="ready",
            process=identify(os.getpid()),
            started_at=time.time(),
            port=self._plan.control_port,
            restarts=restarts,
            last_exit="ended without being told to; the keeper started a new one" if restarts else "",
        )

    async def _care(self, unit: Unit) -> None:
        if not unit.alive():
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_START_S):
                    await self._until_ready(unit.spec.at_first_after)
        while True:
            if not unit.alive():
                await self._until_ready(unit.spec.after)
                await _until_allowed(unit)
                unit.start()
                self._publish()
            await self._watch(unit)
            unit.bury()
            self._publish()
            await asyncio.sleep(unit.pause_s)

    async def _until_ready(self, names: tuple[str, ...]) -> None:
        units = [self._units[name] for name in names]
        # Asks whether it runs, too: its own task may not have looked since it died.
        while not all(unit.state == "ready" and unit.alive() for unit in units):  # noqa: ASYNC110 - all is polled here
            await asyncio.sleep(WATCH_S)

    async def _watch(self, unit: Unit) -> None:
        """Return when the process has ended; meanwhile note when it is ready."""
        while unit.alive():
            if unit.state != "ready" and not await check(unit.spec.ready) and unit.alive():
                unit.note_ready()
                self._publish()
            await asyncio.sleep(WATCH_READY_S if unit.state == "ready" else WATCH_S)

    async def _watch_reasons(self) -> None:
        """Stop the stack when nobody can want it any more."""
        owner = self._plan.owner
        while not self._stopping.is_set():
            if owner is not None and not is_alive(owner):
                _log.warning("the process that owns this stack has ended; stopping")
                self._stopping.set()
            if self._home.stop.exists() or not self._home.plan.exists():
                _log.warning("a stop was asked for, or the home folder is gone; stopping")
                self._stopping.set()
            elif not self._home.state.exists():
                self._publish()
            await asyncio.sleep(WATCH_S * 3)

    async def _watch_plan(self, group: asyncio.TaskGroup) -> None:
        """Change what runs when ``obskit up`` or ``obskit down NAME`` has written another plan."""
        while True:
            await asyncio.sleep(WATCH_S * 3)
            try:
                plan = Plan.read(self._home.plan)
            except StackError:  # it is gone, which is a reason to stop
                continue
            if plan.revision != self._plan.revision:
                await self._change(plan, group)

    async def _change(self, plan: Plan, group: asyncio.TaskGroup) -> None:
        """End what *plan* has not, or has otherwise, and start what is new; all else runs on untouched."""
        wanted = {spec.name: spec for spec in plan.processes}
        ending = [
            spec
            for spec in self._plan.processes
            # One that failed is tried anew at once: its cause may be mended.
            if not _is_same(spec, wanted.get(spec.name)) or self._units[spec.name].state == "failed"
        ]
        for spec in ending:
            self._cares.pop(spec.name).cancel()
        await asyncio.gather(*(self._stop(self._units[spec.name]) for spec in ending))
        for spec in ending:
            del self._units[spec.name]
        self._plan, self._phase = plan, "starting"
        self._keep_plan()  # between the ends and the starts: whoever takes over knows all that runs
        self._faults.know(plan.faults)
        starting = [name for name in wanted if name not in self._units]
        for name in starting:
            self._units[name] = Unit(wanted[name], self._home)
            self._cares[name] = group.create_task(self._care(self._units[name]))
        self._publish()
        _log.info("ended %s; started %s", [spec.name for spec in ending], starting)

    def _keep_plan(self) -> None:
        try:
            self._plan.write(self._home.applied)
        except OSError as error:  # as with the state file
            _log.warning("the plan that is carried out could not be written: %s", error)

    async def _housekeeping(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            try:
                for name in (*self._units, SUPERVISOR):
                    cap(self._home.log_of(name))
                living = [unit.process.pid for unit in self._units.values() if unit.process is not None]
                prune(self._home.service_logs, living)
            except OSError as error:
                _log.warning("logs could not be kept short: %s", error)

    async def _stop_all(self) -> None:
        """End everything: the keeper first, then each process when all that need it have ended."""
        self._phase = "stopping"
        self._publish()
        self._forbid_restart()
        await self._faults.close()
        needed_by = defaultdict(list)
        for unit in self._units.values():
            for name in unit.spec.after:
                needed_by[name].append(unit.spec.name)
        ended = {name: asyncio.Event() for name in self._units}
        keeper = self._units.get(KEEPER)
        if keeper is not None:
            await self._stop(keeper)
            ended[KEEPER].set()

        async def stop_in_turn(unit: Unit) -> None:
            for name in needed_by[unit.spec.name]:
                await ended[name].wait()
            await self._stop(unit)
            ended[unit.spec.name].set()

        await asyncio.gather(*(stop_in_turn(unit) for unit in self._units.values()))
        self._home.state.unlink(missing_ok=True)
        _log.info("everything has stopped")

    def _forbid_restart(self) -> None:
        """Make sure that no keeper starts another supervisor, even one that nobody can stop."""
        try:
            self._home.stop.touch()
        except OSError as error:  # the home folder is gone, and the keeper ends by that
            _log.warning("the stop file could not be written: %s", error)

    async def _stop(self, unit: Unit) -> None:
        await unit.end()
        self._publish()

    def _publish(self) -> None:
        record = StackRecord(
            phase=self._current_phase(),
            supervisor=self._record,
            processes=tuple(unit.record() for unit in self._units.values()),
            ports=self._plan.ports,
            time_scale=self._plan.time_scale,
            addresses=self._plan.addresses,
            faults=self._faults.levels,
            revision=self._plan.revision,
        )
        try:
            write_atomic(self._home.state, record.to_json())
        except OSError as error:  # a full disk must not end the processes
            _log.warning("the state file could not be written: %s", error)

    def _current_phase(self) -> Phase:
        if self._phase == "starting" and all(unit.state == "ready" for unit in self._units.values()):
            self._phase = "running"
        return self._phase


def _is_same(spec: ProcessSpec, other: ProcessSpec | None) -> bool:
    # What its first start waited for is past.
    return other is not None and replace(spec, at_first_after=other.at_first_after) == other


async def _until_allowed(unit: Unit) -> None:
    while unit.is_barred:  # noqa: ASYNC110 - a state, like those above
        await asyncio.sleep(WATCH_S)


def supervise(home: Home) -> int:
    """Watch the stack of *home* until it is told to stop; returns the exit code of the process.

    Only one supervisor can hold a home; another one ends at once when the first lives.
    """
    deadline = time.monotonic() + _TAKE_OVER_S
    while True:
        with home.lock(SUPERVISOR) as mine:
            if mine:
                return _run(home)
        if time.monotonic() > deadline:
            _log.error("another supervisor holds %s", home.root)
            return 1
        time.sleep(WATCH_S)


def _run(home: Home) -> int:
    if home.stop.exists():
        return 0
    try:
        # What runs is what the one before has carried out; a change that it left undone follows from there.
        plan = Plan.read(home.applied if home.applied.exists() else home.plan)
    except StackError as error:
        _log.error("%s", error)
        return 1
    asyncio.run(Supervisor(home, plan).run())
    return 0
