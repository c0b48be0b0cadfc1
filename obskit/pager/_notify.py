"""Tells somebody about an incident."""

from dataclasses import dataclass
from typing import Protocol, TextIO

from obskit.pager._incident import Incident
from obskit.pager._text import one_line, utc

__all__ = ["Console", "Notifier", "Page", "block"]

_WIDTH = 78


@dataclass(frozen=True, slots=True)
class Page:
    """What a notification says: the incident, and the address of its page."""

    incident: Incident
    url: str


class Notifier(Protocol):
    """A way to reach somebody. Its *name* is the label ``integration`` of its metrics."""

    name: str

    async def send(self, page: Page) -> None:
        """Deliver *page*.

        Raises:
            NotifyError: it was not delivered; the pager tries again.
        """


def block(page: Page) -> str:
    """Return the page as lines for a terminal."""
    incident = page.incident
    rows = [
        ("since", utc(incident.since)),
        ("incident", page.url),
        *((one_line(link.text).lower(), one_line(link.href)) for link in incident.links),
        ("acknowledge", f"obskit incidents ack {incident.id}"),
    ]
    wide = max(len(name) for name, _ in rows)
    lines = [
        "━" * _WIDTH,
        f"PAGE  {incident.id}  {incident.severity}  {incident.service}",
        incident.title,
        *(f"{name:<{wide}}  {value}" for name, value in rows),
        "━" * _WIDTH,
    ]
    return "\n".join(lines)


class Console:
    """Writes pages to *out* as a block of lines."""

    name = "stdout"

    def __init__(self, out: TextIO) -> None:
        self._out = out

    async def send(self, page: Page) -> None:
        """Write *page* and flush."""
        print(block(page), file=self._out, flush=True)
