"""Keeps what somebody is still to be told, until a notifier has delivered it."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Delivery", "Outbox"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification that waits: which incident, by which notifier, and how often it failed so far."""

    incident: int
    notifier: str
    step: int
    reason: str
    attempts: int = 0


class Outbox:
    """The waiting notifications of a store: one for each incident and notifier."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, delivery: Delivery, now: float) -> None:
        """Let *delivery* wait from *now* on; it replaces an older one that was not delivered yet."""
        self._db.execute(
            "INSERT INTO deliveries (incident, notifier, step, reason, due_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (incident, notifier) DO UPDATE SET step = excluded.step, reason = excluded.reason",
            (delivery.incident, delivery.notifier, delivery.step, delivery.reason, now),
        )

    def due(self, notifier: str, now: float, limit: int) -> list[Delivery]:
        """Return what *notifier* is to deliver now, oldest first."""
        rows = self._db.execute(
            "SELECT incident, notifier, step, reason, attempts FROM deliveries "
            "WHERE notifier = ? AND due_at <= ? ORDER BY due_at, incident LIMIT ?",
            (notifier, now, limit),
        )
        return [Delivery(*row) for row in rows]

    def postpone(self, delivery: Delivery, due_at: float) -> None:
        """Count a try of *delivery* and make it due again at *due_at*."""
        self._db.execute(
            "UPDATE deliveries SET attempts = attempts + 1, due_at = ? WHERE incident = ? AND notifier = ?",
            (due_at, delivery.incident, delivery.notifier),
        )

    def delivered(self, delivery: Delivery) -> None:
        """Remove *delivery*; one that a later step has put in its place stays."""
        self._db.execute(
            "DELETE FROM deliveries WHERE incident = ? AND notifier = ? AND step = ?",
            (delivery.incident, delivery.notifier, delivery.step),
        )

    def hurry(self, now: float) -> None:
        """Make all that waits due."""
        self._db.execute("UPDATE deliveries SET due_at = min(due_at, ?)", (now,))

    def drop(self, incident: int) -> None:
        """Remove all that waits for *incident*: somebody is on it, or it is over."""
        self._db.execute("DELETE FROM deliveries WHERE incident = ?", (incident,))

    def drop_unknown(self, notifiers: Iterable[str]) -> list[int]:
        """Remove what waits for notifiers that there are no more; return the incidents it was for."""
        known = tuple(notifiers)
        rows = self._db.execute(
            f"DELETE FROM deliveries WHERE notifier NOT IN ({', '.join('?' * len(known))}) RETURNING incident",  # noqa: S608 - placeholders
            known,
        )
        return sorted({number for (number,) in rows})

    def waiting(self) -> dict[str, int]:
        """Return how many notifications wait, by notifier."""
        return dict(
            tuple(row)
            for row in self._db.execute("SELECT notifier, count(*) FROM deliveries GROUP BY notifier")
        )
