"""The pager itself: takes events, keeps incidents, tells people, and watches its own monitoring."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal

from obskit._guard import guarded
from obskit.pager._changes import Change
from obskit.pager._clock import Clock
from obskit.pager._deadman import Deadman
from obskit.pager._errors import NotifyError, RefusedError
from obskit.pager._event import Event
from obskit.pager._incident import STATUSES, Entry, Incident, Link
from obskit.pager._journal import Journal
from obskit.pager._notify import Notifier, Page
from obskit.pager._operations import finish_round, press, take
from obskit.pager._settings import PagerSettings
from obskit.pager._store import Store
from obskit.pager._writer import Writer

__all__ = ["Pager"]

_PRUNE_S = 3_600.0
_HEARTBEAT = "heartbeat"


class Pager:
    """One pager over one store. Every change is on disk before its caller hears of it."""

    def __init__(
        self,
        store: Store,
        settings: PagerSettings,
        *,
        clock: Clock,
        notifiers: Sequence[Notifier],
        journal: Journal,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._notifiers = notifiers
        self._journal = journal
        self._writer = Writer(store)
        self._wake = asyncio.Event()
        self._ticking = asyncio.Lock()
        self._deadman = Deadman(settings.deadman_s, armed=False, now=clock.monotonic())
        self._prune_at = clock.monotonic()

    async def start(self) -> None:
        """Read what an earlier process left: counts, and whether heartbeats are expected."""
        armed = await self._writer.run(lambda store: store.noted(_HEARTBEAT)) is not None
        self._deadman = Deadman(self.settings.deadman_s, armed=armed, now=self.clock.monotonic())
        self._journal.load(await self._writer.run(Store.counts))

    async def run(self) -> None:
        """Do what falls due, until cancelled."""
        pause_s = min(1.0, self.settings.deadman_s / 10)
        while True:
            self._wake.clear()
            await self.tick()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause_s)

    async def close(self) -> None:
        """Finish what is being written."""
        await self._writer.close()

    async def tick(self) -> None:
        """Check the Watchdog, send the notifications that are due, remove what is too old."""
        async with self._ticking:
            for area, step in (
                ("pager deadman", self._check_watchdog),
                ("pager notifications", self._notify_due),
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
        change = await self._writer.run(partial(take, event=event, now=self.clock.time(), room=room))
        if change == "full":
            msg = f"{self.settings.max_open} incidents are open."
            raise RefusedError(429, msg, fix="Resolve some: obskit incidents list --status triggered")
        if change == "dropped":
            return False
        self._changed(change)
        return True

    async def press(self, number: int, action: Literal["acknowledge", "resolve"], by: str) -> Incident:
        """Acknowledge or resolve an incident for a person; doing it twice changes nothing.

        Raises:
            RefusedError: there is no such incident, or it cannot be acknowledged any more.
        """
        incident, change = await self._writer.run(
            partial(press, number=number, action=action, by=by, now=self.clock.time())
        )
        if change is not None:
            self._changed(change)
        if incident is None:
            raise _missing(number)
        if action == "acknowledge" and incident.status == "resolved":
            msg = f"{incident.id} is already resolved."
            raise RefusedError(409, msg, fix="List the open ones: obskit incidents list --status triggered")
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

    async def _notify_due(self) -> None:
        while True:
            now = self.clock.time()
            again_at = now + self.settings.retry_s
            # Claimed on disk before anything is sent: a store that fails must not page every second.
            due = await self._writer.run(partial(Store.claim_due, now=now, again_at=again_at))
            if not due:
                return
            for incident in due:
                await self._notify(incident, again_at)

    async def _notify(self, incident: Incident, again_at: float) -> None:
        tried = [await self._send(notifier, incident) for notifier in self._notifiers]
        entries = [entry for _, entry in tried]
        if not tried:
            entries = [Entry(self.clock.time(), "no_notification_sent", "No notifier is set up.")]
        lost = bool(tried) and not any(delivered for delivered, _ in tried)
        due_at = again_at if lost else None
        await self._writer.run(partial(finish_round, number=incident.number, entries=entries, due_at=due_at))

    async def _send(self, notifier: Notifier, incident: Incident) -> tuple[bool, Entry]:
        now, name = self.clock.time(), notifier.name
        try:
            async with asyncio.timeout(self.settings.send_timeout_s):
                await notifier.send(Page(incident, self.url(incident)))
        except (NotifyError, TimeoutError) as error:
            reason = str(error) or f"no answer in {self.settings.send_timeout_s:g} s"
            self._journal.failed(incident, name, reason)
            return False, Entry(now, "notification_failed", f"Not notified by {name}: {reason}")
        self._journal.sent(incident, name, self.url(incident))
        return True, Entry(now, "notification_sent", f"Notified by {name}.")

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
        if change.incident.due_at is not None:
            self._wake.set()


def _missing(number: int) -> RefusedError:
    msg = f"There is no incident INC-{number:06d}."
    return RefusedError(404, msg, fix="List them: obskit incidents list")
