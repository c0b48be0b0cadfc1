"""The pager itself: takes events, keeps incidents, tells people, and watches its own monitoring."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal

from obskit._guard import guarded
from obskit.pager._change_log import ChangeEvent
from obskit.pager._changes import Change
from obskit.pager._clock import Clock
from obskit.pager._deadman import Deadman
from obskit.pager._errors import RefusedError
from obskit.pager._event import Event
from obskit.pager._incident import STATUSES, Incident, Link
from obskit.pager._journal import Journal
from obskit.pager._lane import Lane
from obskit.pager._notify import Notifier
from obskit.pager._operations import Action, Press, adopt, changes_near, press, run_due, take
from obskit.pager._policy import Policy
from obskit.pager._settings import PagerSettings
from obskit.pager._store import Store
from obskit.pager._text import rfc3339
from obskit.pager._writer import Writer

__all__ = ["Pager"]

_PRUNE_S = 3_600.0
_HEARTBEAT = "heartbeat"


class Pager:
    """One pager over one store. Every change is on disk before its caller hears of it."""

    def __init__(  # noqa: PLR0913 - the parts that it brings together
        self,
        store: Store,
        settings: PagerSettings,
        *,
        clock: Clock,
        notifiers: Sequence[Notifier],
        policy: Policy,
        journal: Journal,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.policy = policy
        self._journal = journal
        self._writer = Writer(store)
        self._lanes = {
            notifier.name: Lane(notifier, self._writer, settings, clock=clock, journal=journal, url=self.url)
            for notifier in notifiers
        }
        self._wake = asyncio.Event()
        self._ticking = asyncio.Lock()
        self._deadman = Deadman(settings.deadman_s, armed=False, now=clock.monotonic())
        self._prune_at = clock.monotonic()

    async def start(self) -> None:
        """Read what an earlier process left: counts, escalations, and whether heartbeats are expected."""
        armed = await self._writer.run(lambda store: store.noted(_HEARTBEAT)) is not None
        self._deadman = Deadman(self.settings.deadman_s, armed=armed, now=self.clock.monotonic())
        names, now = tuple(self._lanes), self.clock.time()
        await self._writer.run(partial(adopt, policy=self.policy, notifiers=names, now=now))
        self._journal.load(await self._writer.run(Store.counts))

    async def run(self) -> None:
        """Do what falls due, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_steps())
            for lane in self._lanes.values():
                tasks.create_task(lane.run())

    async def _run_steps(self) -> None:
        pause_s = min(1.0, self.settings.deadman_s / 10)
        while True:
            self._wake.clear()
            await self._take_steps()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause_s)

    async def close(self) -> None:
        """Finish what is being written."""
        await self._writer.close()

    async def tick(self) -> None:
        """Do what is due, and return when it is done."""
        await self._take_steps()
        await asyncio.gather(*(lane.drain() for lane in self._lanes.values()))

    async def _take_steps(self) -> None:
        """Check the Watchdog, escalate what is due, remove what is too old."""
        async with self._ticking:
            for area, step in (
                ("pager deadman", self._check_watchdog),
                ("pager escalation", self._escalate),
                ("pager retention", self._prune),
            ):
                with guarded(area):  # a failing step must not end the others
                    await step()

    async def take(self, event: Event) -> bool:
        """Apply *event*; return False when there was no open incident to acknowledge or resolve.

        Raises:
            RefusedError: it would open one incident too many.
        """
        room = self.open < self.settings.max_open
        timeout_s = self.policy.acknowledge_timeout_s
        change = await self._writer.run(
            partial(take, event=event, now=self.clock.time(), room=room, timeout_s=timeout_s)
        )
        if change == "full":
            msg = f"{self.settings.max_open} incidents are open."
            raise RefusedError(429, msg, fix="Resolve some: obskit incidents list --status triggered")
        if change == "dropped":
            return False
        self._changed(change)
        return True

    async def press(self, number: int, action: Action, by: str, text: str = "") -> Incident:
        """Do what a person asks for; acknowledging or resolving twice changes nothing.

        Raises:
            RefusedError: there is no such incident, or it is in no state for that.
        """
        wish = Press(number, action, by, text)
        incident, change = await self._writer.run(
            partial(press, wish=wish, policy=self.policy, now=self.clock.time())
        )
        if incident is None:
            raise _missing(number)
        if change is not None:
            self._changed(change)
        elif action in {"acknowledge", "escalate"} and incident.status == "resolved":
            msg = f"{incident.id} is already resolved."
            raise RefusedError(409, msg, fix="List the open ones: obskit incidents list --status open")
        elif action == "escalate":
            msg = f"{incident.id} is a ticket (low urgency), which notifies nobody."
            raise RefusedError(409, msg, fix="Talk to its owner, or resolve it.")
        return incident

    async def find(self, number: int) -> Incident:
        """Return one incident with its timeline.

        Raises:
            RefusedError: there is no such incident.
        """
        incident = await self._writer.run(lambda store: store.find(number))
        if incident is None:
            raise _missing(number)
        return incident

    async def latest(self, statuses: Iterable[str] = STATUSES, limit: int = 100) -> list[Incident]:
        """Return incidents with their timelines, newest first."""
        return await self._writer.run(lambda store: store.latest(statuses, limit))

    async def record(self, change: ChangeEvent) -> None:
        """Keep a change event."""
        await self._writer.run(lambda store: store.changes.add(change))

    async def changes_near(self, incident: Incident) -> list[ChangeEvent]:
        """Return the changes from two hours before *incident* began until it ended, newest first."""
        return await self._writer.run(partial(changes_near, incident=incident, now=self.clock.time()))

    async def latest_changes(self, limit: int) -> list[ChangeEvent]:
        """Return change events, newest first."""
        return await self._writer.run(lambda store: store.changes.between(0.0, float("inf"), limit))

    async def ping(self) -> None:
        """Do nothing to the store; raises when it cannot be written to."""
        await self._writer.run(lambda store: store.note("ping", self.clock.time()))

    async def heartbeat(self) -> None:
        """Take a heartbeat of the monitoring: the Watchdog alert came through."""
        self._deadman.beat(self.clock.monotonic())
        if not self._deadman.settled:
            await self._writer.run(lambda store: store.note(_HEARTBEAT, self.clock.time()))
            if await self.take(self._silence_event("resolve")):
                self._journal.back()
            self._deadman.settled = True

    @property
    def open(self) -> int:
        """How many incidents are not resolved."""
        return self._journal.open

    @property
    def silent_s(self) -> float | None:
        """Seconds since the last heartbeat; None when none came since the start."""
        last = self._deadman.last_beat
        return None if last is None else self.clock.monotonic() - last

    def escalation(self, incident: Incident) -> dict[str, int | str | None]:
        """Return where an incident's escalation stands, as the API shows it."""
        levels = len(self.policy.levels)
        place = max(0, incident.step - 1)
        return {
            "level": place % levels + 1 if incident.step else 0,
            "levels": levels,
            "round": place // levels + 1,
            "rounds": self.policy.repeat + 1,
            "next_at": rfc3339(incident.due_at),
        }

    def url(self, incident: Incident) -> str:
        """Return the address of an incident's page."""
        return f"{self.settings.base_url}/incidents/{incident.id}"

    async def _check_watchdog(self) -> None:
        silent_s = self._deadman.overdue(self.clock.monotonic())
        if silent_s is not None:
            self._journal.silent(silent_s)
            await self.take(self._silence_event("trigger", silent_s))
            self._deadman.told()

    def _silence_event(self, action: Literal["trigger", "resolve"], silent_s: float = 0.0) -> Event:
        missed = f"The last Watchdog came {silent_s:.0f} s ago; the limit is {self.settings.deadman_s:g} s."
        return Event(
            action=action,
            origin="obskit",
            dedup_key="watchdog",
            summary=f"Monitoring is down: no Watchdog for {silent_s:.0f} s",
            source="pager",
            severity="critical",
            service="monitoring",
            client="the pager" if action == "trigger" else "the Watchdog",
            links=(Link(f"{self.settings.base_url}/runbooks/Watchdog", "Runbook"),),
            remarks=(("watchdog_missed", missed),),
            details={
                "meaning": "Prometheus or Alertmanager does not reach the pager: no alert would, either."
            },
        )

    async def _escalate(self) -> None:
        while changes := await self._writer.run(partial(run_due, policy=self.policy, now=self.clock.time())):
            for change in changes:
                self._changed(change)
        self._journal.waiting(await self._writer.run(lambda store: store.outbox.waiting()))

    async def _prune(self) -> None:
        if self.clock.monotonic() < self._prune_at:
            return
        self._prune_at = self.clock.monotonic() + _PRUNE_S
        retention, now = self.settings.retention, self.clock.time()
        if await self._writer.run(lambda store: store.prune(retention, now)):
            while await self._writer.run(Store.shrink):
                pass
            self._journal.load(await self._writer.run(Store.counts))

    def _changed(self, change: Change) -> None:
        self._journal.changed(change)
        if change.kind in {"told", "escalated"}:
            for lane in self._lanes.values():
                lane.wake()
        elif change.incident.due_at is not None:
            self._wake.set()


def _missing(number: int) -> RefusedError:
    msg = f"There is no incident INC-{number:06d}."
    return RefusedError(404, msg, fix="List them: obskit incidents list")
