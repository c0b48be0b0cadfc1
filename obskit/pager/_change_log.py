"""Keeps change events: what somebody did to the system, to be read beside an incident."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from obskit.pager._incident import Link
from obskit.pager._text import rfc3339

__all__ = ["ChangeEvent", "ChangeLog"]

_KEPT = 5_000
_MAX_DETAILS = 10_000
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent:
    """A deployment, a flag that was turned, a migration: whatever may have caused an incident."""

    at: float
    summary: str
    source: str = ""
    links: tuple[Link, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the change as the API shows it."""
        return {
            "at": rfc3339(self.at),
            "summary": self.summary,
            "source": self.source,
            "links": [{"href": link.href, "text": link.text} for link in self.links],
            "details": dict(self.details),
        }


class ChangeLog:
    """The change events of a store, the newest 5 000."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, change: ChangeEvent) -> None:
        """Keep *change*; the oldest one beyond the limit goes."""
        self._db.execute(
            "INSERT INTO changes (at, summary, source, links, details) VALUES (?, ?, ?, ?, ?)",
            (
                change.at,
                change.summary,
                change.source,
                orjson.dumps([[link.href, link.text] for link in change.links]).decode(),
                _bounded(change.details),
            ),
        )
        self._db.execute("DELETE FROM changes WHERE id <= (SELECT max(id) FROM changes) - ?", (_KEPT,))

    def between(self, begin: float, end: float, limit: int = _SHOWN) -> list[ChangeEvent]:
        """Return the changes from *begin* to *end*, newest first."""
        rows = self._db.execute(
            "SELECT at, summary, source, links, details FROM changes "
            "WHERE at BETWEEN ? AND ? ORDER BY at DESC, id DESC LIMIT ?",
            (begin, end, limit),
        )
        return [_change(*row) for row in rows]

    def prune(self, before: float) -> None:
        """Remove the changes from before *before*."""
        self._db.execute("DELETE FROM changes WHERE at < ?", (before,))


def _bounded(details: Mapping[str, Any]) -> str:
    text = orjson.dumps(details).decode()
    # Changes may not take the room of the incidents.
    return text if len(text) <= _MAX_DETAILS else '{"left_out":"The details were larger than 10 kB."}'


def _change(at: float, summary: str, source: str, links: str, details: str) -> ChangeEvent:
    return ChangeEvent(
        at=at,
        summary=summary,
        source=source,
        links=tuple(Link(*pair) for pair in orjson.loads(links)),
        details=orjson.loads(details),
    )
