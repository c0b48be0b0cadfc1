"""Delivers what waits for one notifier, until it is delivered: at least once, retried with back-off."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from obskit._guard import guarded
from obskit.pager._clock import Clock
from obskit.pager._errors import NotifyError
from obskit.pager._incident import Entry, Incident
from obskit.pager._journal import Journal
from obskit.pager._notify import Notifier, Page
from obskit.pager._operations import claim, tried
from obskit.pager._outbox import Delivery
from obskit.pager._settings import PagerSettings
from obskit.pager._writer import Writer

__all__ = ["Lane"]

_LOOK_S = 1.0


class Lane:
    """The way to one notifier. Each has its own, so that a dead one never keeps the others waiting."""

    def __init__(  # noqa: PLR0913 - all of it is the pager's
        self,
        notifier: Notifier,
        writer: Writer,
        settings: PagerSettings,
        *,
        clock: Clock,
        journal: Journal,
        url: Callable[[Incident], str],
    ) -> None:
        self._notifier = notifier
        self._writer = writer
        self._settings = settings
        self._clock = clock
        self._journal = journal
        self._url = url
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()

    def wake(self) -> None:
        """Look at once for something to deliver."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver what is due, until cancelled."""
        while True:
            self._wake.clear()
            await self.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_S)

    async def drain(self) -> None:
        """Deliver what is due now."""
        async with self._sending:
            with guarded("pager notifications"):
                while await self._send_some():
                    pass

    async def _send_some(self) -> int:
        name, now, settings = self._notifier.name, self._clock.time(), self._settings
        # Claimed on disk before anything is sent: a store that fails must not page every second.
        claimed = await self._writer.run(
            lambda store: claim(store, name, now, pauses_s=(settings.retry_s, settings.retry_max_s))
        )
        await asyncio.gather(*(self._deliver(delivery, incident) for delivery, incident in claimed))
        return len(claimed)

    async def _deliver(self, delivery: Delivery, incident: Incident) -> None:
        page = Page(
            incident,
            self._url(incident),
            reason=delivery.reason,
            delivery=f"{incident.id}/{delivery.step}/{delivery.notifier}",
        )
        reason = await self._try(page)
        now, name = self._clock.time(), delivery.notifier
        if reason is None:
            self._journal.sent(incident, name, page.url)
            entry = Entry(now, "notification_sent", f"Notified by {name}.")
        else:
            self._journal.failed(incident, name, reason)
            entry = Entry(now, "notification_failed", f"Not notified by {name}: {reason}")
        await self._writer.run(partial(tried, delivery=delivery, entry=entry))

    async def _try(self, page: Page) -> str | None:
        """Return why *page* was not delivered; None when it was."""
        try:
            async with asyncio.timeout(self._settings.send_timeout_s):
                await self._notifier.send(page)
        except NotifyError as error:
            return str(error)
        except TimeoutError:
            return f"no answer in {self._settings.send_timeout_s:g} s"
        return None
