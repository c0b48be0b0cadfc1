"""Tells somebody about an incident."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from obskit.pager._brief import brief
from obskit.pager._errors import NotifyError
from obskit.pager._incident import Incident
from obskit.pager._text import one_line, utc

__all__ = ["Console", "Notifier", "Page", "PageFile", "block"]

_WIDTH = 78


@dataclass(frozen=True, slots=True)
class Page:
    """What a notification says: the incident, and the address of its page."""

    incident: Incident
    url: str
    reason: str = ""
    """Why somebody is told now, where it is not the first time."""
    delivery: str = ""
    """The name of this notification, the same each time it is tried."""


class Notifier(Protocol):
    """A way to reach somebody. Its *name* is the label ``integration`` of its metrics."""

    name: str

    async def send(self, page: Page) -> None:
        """Deliver *page*.

        Raises:
            NotifyError: it was not delivered; the pager tries again.
        """


def block(page: Page, *, ruled: bool = True) -> str:
    """Return the page as lines for a terminal or a mail, what matters first."""
    incident, told = page.incident, brief(page.incident)
    rows = [
        ("why now", page.reason),
        ("hurts", told.harm),
        ("do", told.do),
        ("seen", told.seen),
        ("since", utc(incident.since)),
        ("incident", page.url),
        *((one_line(link.text).lower(), one_line(link.href)) for link in incident.links),
        ("take it", f"obskit incidents ack {incident.id}"),
    ]
    shown = [(name, value) for name, value in rows if value]
    wide = max(len(name) for name, _ in shown)
    lines = [
        f"PAGE  {told.line}",
        f"{incident.id}, {incident.severity}, affects {told.whom}",
        *(f"{name:<{wide}}  {value}" for name, value in shown),
    ]
    rule = "━" * _WIDTH
    return "\n".join((rule, *lines, rule) if ruled else lines)


class Console:
    """Writes pages to *out* as a block of lines."""

    def __init__(self, out: TextIO, name: str = "stdout") -> None:
        self.name = name
        self._out = out

    async def send(self, page: Page) -> None:
        """Write *page* and flush.

        Raises:
            NotifyError: nobody reads *out* any more.
        """
        try:
            print(block(page), file=self._out, flush=True)
        except OSError as error:
            msg = f"the output is closed: {error.strerror}"
            raise NotifyError(msg) from error


class PageFile:
    """Appends pages to the file *path*, which only its owner may read."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    async def send(self, page: Page) -> None:
        """Append *page*.

        Raises:
            NotifyError: the file cannot be written to.
        """
        try:
            await asyncio.to_thread(self._append, f"{block(page)}\n")
        except OSError as error:
            msg = f"{self._path} cannot be written to: {error.strerror}"
            raise NotifyError(msg) from error

    def _append(self, text: str) -> None:
        opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(opened, "a", encoding="utf-8") as out:
            out.write(text)
