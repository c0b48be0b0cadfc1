"""Looks at a fault while it is on, and keeps what it showed first."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from obskit.cli._prometheus import Firing
from obskit.cli._verify._check import Check
from obskit.cli._verify._eyes import Eyes, Reading
from obskit.cli._verify._promise import Promise
from obskit.errors import ObskitError

__all__ = ["OPEN", "Before", "Watch", "look_before"]

OPEN = {"triggered", "acknowledged"}
_CLOCK_S = 0.01
"""Times of incidents are whole milliseconds, cut off."""


@dataclass(frozen=True, slots=True)
class Before:
    """What there was before the fault: the panel, and the alerts that fired or were about to."""

    reading: Reading
    alerts: tuple[Firing, ...]

    def has(self, alert: Firing) -> bool:
        """Whether *alert* was there already."""
        return any(alert.key == one.key for one in self.alerts)


def look_before(eyes: Eyes, promise: Promise) -> Before:
    """Record what there is now.

    Raises:
        httpx.HTTPError: Prometheus does not answer, or refuses a query.
        StackError: the store cannot be reached.
    """
    return Before(eyes.panel(promise), tuple(eyes.prometheus.alerts()))


@dataclass(slots=True)
class Watch:
    """One fault from the moment that it was switched on; each :meth:`look` may find more."""

    eyes: Eyes
    promise: Promise
    before: Before
    since: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)
    seen: dict[str, Check] = field(default_factory=dict)
    incident: dict[str, Any] | None = None
    strangers: dict[str, float] = field(default_factory=dict)
    latest: Reading | None = None
    trouble: dict[str, str] = field(default_factory=dict)

    def look(self) -> None:
        """Look at all that has not been seen yet, and for alerts that nobody expects."""
        steps: dict[str, Callable[[], Check | None]] = {
            "panel": self._panel,
            "log": self._line,
            "span": self._span,
            "alert": self._alert,
            "incident": self._incident,
        }
        for name, step in steps.items():
            if name not in self.seen or name == "alert":
                self._try(name, step)

    def is_all_seen(self, *names: str) -> bool:
        """Whether each of *names* has been seen."""
        return all(name in self.seen for name in names)

    def failed(self, name: str) -> Check:
        """Return the check *name* as one that never came, with what the last look said."""
        measured = {"before": self.before.reading.values, "during": self.latest and self.latest.values}
        said = self.trouble.get(name, "never came")
        if name == "panel":
            return Check(passed=False, said=self._panel_said(self.latest), measured=measured)
        return Check(passed=False, said=said)

    def fired(self) -> list[Firing]:
        """Return the alerts that fire now and did not before.

        Raises:
            httpx.HTTPError: Prometheus does not answer.
        """
        alerts = self.eyes.prometheus.alerts()
        return [alert for alert in alerts if not alert.is_pending and not self.before.has(alert)]

    def is_mine(self, alert: Firing) -> bool:
        """Whether *alert* is the one that the row promises."""
        return alert.name == self.promise.alert and alert.severity == self.promise.severity

    def after_s(self) -> float:
        """Return the seconds since the fault was switched on."""
        return round(time.monotonic() - self.began, 1)

    def _try(self, name: str, step: Callable[[], Check | None]) -> None:
        try:
            check = step()
        except (httpx.HTTPError, ObskitError) as error:
            # The fault may be that a store is away; what it took meanwhile is asked for later.
            self.trouble[name] = f"{type(error).__name__}: {error}"
            return
        self.trouble.pop(name, None)
        if check is not None:
            self.seen.setdefault(name, check)

    def _panel(self) -> Check | None:
        reading = self.latest = self.eyes.panel(self.promise)
        if not any(map(self.promise.healthy.is_left, reading.values)):
            return None
        measured = {
            "before": self.before.reading.values,
            "during": reading.values,
            "healthy": str(self.promise.healthy),
        }
        return Check(passed=True, said=self._panel_said(reading), after_s=self.after_s(), measured=measured)

    def _panel_said(self, reading: Reading | None) -> str:
        before, during = (shown(each) for each in (self.before.reading, reading))
        healthy = self.promise.healthy
        return f"{before} -> {during}, healthy is {healthy}, times {healthy.factor:g}"

    def _line(self) -> Check | None:
        found = self.eyes.line(self.promise, self.since)
        if found is None:
            return None
        service = found["labels"].get("service_name", "")
        said = f"{self.promise.event} of {service}"
        return Check(passed=True, said=said, after_s=self.after_s(), measured={"line": found["line"]})

    def _span(self) -> Check | None:
        if self.promise.attribute is None:
            return Check(passed=True, said="none, as its row says")
        found = self.eyes.trace(self.promise, self.since)
        if found is None:
            return None
        said = f"{self.promise.attribute} in {found['traceID']}"
        return Check(passed=True, said=said, after_s=self.after_s(), measured={"trace_id": found["traceID"]})

    def _alert(self) -> Check | None:
        fired = self.fired()
        for alert in fired:
            if not self.is_mine(alert) and self._is_strange(alert):
                self.strangers.setdefault(_named(alert), self.after_s())
        if not any(map(self.is_mine, fired)):
            return None
        after_s = self.after_s()
        is_in_time = after_s <= self.promise.within_s
        said = f"{after_s:g} s" if is_in_time else f"{after_s:g} s, later than {self.promise.within_s:g} s"
        return Check(passed=is_in_time, said=said, after_s=after_s)

    def _is_strange(self, alert: Firing) -> bool:
        allowed = {self.promise.alert, *self.promise.also}
        return alert.severity != "none" and alert.name not in allowed

    def _incident(self) -> Check | None:
        since = datetime.fromtimestamp(self.since - _CLOCK_S, UTC)
        for row in self.eyes.incidents(since):
            is_mine = row["details"].get("alertname") == self.promise.alert
            if is_mine and row["urgency"] == self.promise.urgency and row["status"] in OPEN:
                self.incident = row
                measured = {"id": row["id"], "urgency": row["urgency"], "title": row["title"]}
                after_s = self.after_s()
                said = f"{row['id']} after {after_s:g} s"
                return Check(passed=True, said=said, after_s=after_s, measured=measured)
        return None


def shown(reading: Reading | None) -> str:
    """Return a reading for people."""
    if reading is None or not reading.values:
        return "empty"
    low, high = min(reading.values), max(reading.values)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _named(alert: Firing) -> str:
    return f"{alert.name} ({alert.severity}) of {alert.labels.get('service_name', 'nobody')}"
