"""Runs one fault from quiet to quiet, and judges what it showed."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import httpx
from rich.console import Console

from obskit import catalog
from obskit.cli._faults import Fault
from obskit.cli._verify._check import CHECKS, Check, RowResult
from obskit.cli._verify._eyes import Eyes
from obskit.cli._verify._links import check_links
from obskit.cli._verify._promise import Promise, promise_of
from obskit.cli._verify._watch import OPEN, Before, Watch, look_before
from obskit.cli._waiting import wait
from obskit.errors import ObskitError

__all__ = ["Options", "verify", "warm_up"]

_T = TypeVar("_T")
_POLL_S = 0.5
_WARM_S = 10.0
_QUIET_S = 180.0
"""Seconds that the traces of the row before may need to end."""
_SETTLE_S = 60.0
"""Seconds after which alerts of rows before, other than this row's, are taken as they are."""
_LATE_S = 30.0
"""Seconds beyond the promised ones, so that a late alert is told from one that never fires."""
_RESOLVE_S = 150.0
_EVIDENCE_S = 20.0
"""Seconds that evidence may need to arrive after the fault was switched off."""
_SHORTEST_S = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    """How rows are verified: at *level* percent, None for the highest of each row.

    *alive* is called again and again and raises when what makes the load has ended.
    """

    console: Console
    alive: Callable[[], None]
    level: int | None = None


def verify(eyes: Eyes, fault: Fault, options: Options) -> RowResult:
    """Switch *fault* on, look until it has shown everything or its time is over, and switch it off.

    Raises:
        StackError: its row cannot be checked, or the load ended by itself.
    """
    promise = promise_of(fault)
    level = options.level if options.level in fault.levels else max(fault.levels)
    run = _Run(eyes, fault, promise, options)
    checks = run.whole(level)
    seconds = round(time.monotonic() - run.on, 1)
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    return RowResult(
        id=fault.id, level=level, at=at.isoformat(timespec="seconds"), seconds=seconds, checks=checks
    )


def warm_up(eyes: Eyes, console: Console, alive: Callable[[], None]) -> None:
    """Wait until the load has been in Prometheus for some time: panels and ratios need something before.

    Raises:
        StackError: it does not come, or the load ended by itself.
    """
    calls = f'{catalog.CLIENT_DURATION.name}_count{{service_name="loadgen"}}'

    def is_warm() -> bool:
        alive()
        with contextlib.suppress(httpx.HTTPError):
            return bool(eyes.prometheus.number(f"sum(increase({calls}[{_WARM_S:.0f}s] offset 5s)) > 0"))
        return False

    fix = f"obskit status --home {eyes.home.root}, and {eyes.home.log_of('loadgen')}"
    wait(console, "Waiting for the load to be seen", is_warm, timeout_s=_QUIET_S, fix=fix)


@dataclass(slots=True)
class _Run:
    eyes: Eyes
    fault: Fault
    promise: Promise
    options: Options
    on: float = field(default_factory=time.monotonic)
    """When it was switched on: waiting for the row before to end is not counted."""

    def whole(self, level: int) -> dict[str, Check]:
        before = self._quiet()
        if isinstance(before, Check):
            return {"panel": before}
        self.on = time.monotonic()
        # Begun before the switch: that a process was stopped is said while it answers.
        watch = Watch(self.eyes, self.promise, before)
        problem = self._switch(lambda: self.fault.turn_on(self.eyes.home, level))
        links = problem
        try:
            if problem is None:
                self._while_on(watch)
                links = self._links(watch)
        finally:
            problem = self._switch(lambda: self.fault.turn_off(self.eyes.home)) or problem
        resolved = problem or self._while_ending(watch)
        links = links or self._links(watch) or Check(passed=False, said=watch.trouble["links"])
        found = {**watch.seen, "links": links, "resolved": resolved, "others": _others(watch)}
        return {name: found.get(name) or watch.failed(name) for name in CHECKS}

    def _switch(self, turn: Callable[[], object]) -> Check | None:
        """Turn the fault, and return what is wrong when it cannot be: the rows after it are still told."""
        try:
            turn()
        except ObskitError as error:
            return Check(passed=False, said=f"it cannot be switched: {error}")
        return None

    def _quiet(self) -> Before | Check:
        """Wait until the panel is healthy and alerts are silent; a failed check when it stays loud."""
        reason, began = "no look was made", time.monotonic()

        def is_quiet() -> Before | None:
            nonlocal reason
            try:
                before = look_before(self.eyes, self.promise)
            except (httpx.HTTPError, ObskitError) as error:
                reason = f"{type(error).__name__}: {error}"
                return None
            reason = self._noise(before, is_patient=time.monotonic() - began < _SETTLE_S)
            return None if reason else before

        found = self._poll("waiting for quiet", is_quiet, _QUIET_S)
        return found or Check(passed=False, said=f"it was not quiet before: {reason}")

    def _noise(self, before: Before, *, is_patient: bool) -> str:
        """Return why this is no moment to begin, or nothing."""
        healthy = self.promise.healthy
        bad = [value for value in before.reading.values if not healthy.holds(value)]
        if bad:
            return f"the panel shows {bad[-1]:.4g}, healthy is {healthy}"
        for alert in before.alerts:
            is_mine = (alert.name, alert.severity) == (self.promise.alert, self.promise.severity)
            if is_mine or (is_patient and alert.is_short):
                return f"{alert.name} fires, or is about to"
        return ""

    def _while_on(self, watch: Watch) -> None:
        def is_over() -> bool:
            watch.look()
            has_shown = watch.is_all_seen("panel", "alert", "incident")
            return has_shown and watch.after_s() >= _SHORTEST_S

        self._poll("on", is_over, self.promise.within_s + _LATE_S, watch)

    def _links(self, watch: Watch) -> Check | None:
        """Open the pages; None while a store cannot be asked, which may be what the fault is."""
        if watch.incident is None:
            return Check(passed=False, said="there is no incident")
        try:
            incident = self.eyes.incident(watch.incident["id"])
            return check_links(self.eyes, incident, self.promise.alert)
        except ObskitError as error:
            watch.trouble["links"] = str(error)
            return None

    def _while_ending(self, watch: Watch) -> Check:
        off = time.monotonic()
        alert_s: float | None = None

        def is_over() -> bool:
            nonlocal alert_s
            with contextlib.suppress(httpx.HTTPError, ObskitError):
                watch.look()
                if any(map(watch.is_mine, watch.fired())):
                    return False
                if alert_s is None:
                    alert_s = round(time.monotonic() - off, 1)
                late = time.monotonic() - off > _EVIDENCE_S
                return self._is_closed(watch) and (late or watch.is_all_seen("log", "span"))
            return False

        is_resolved = self._poll("off", is_over, _RESOLVE_S, watch)
        after_s = round(time.monotonic() - off, 1)
        said = f"{after_s:g} s" if is_resolved else f"not within {_RESOLVE_S:g} s"
        is_whole = bool(is_resolved) and watch.incident is not None
        return Check(passed=is_whole, said=said, after_s=after_s, measured={"alert_after_s": alert_s})

    def _is_closed(self, watch: Watch) -> bool:
        if watch.incident is None:
            return True
        return bool(self.eyes.incident(watch.incident["id"])["status"] not in OPEN)

    def _poll(
        self, what: str, ask: Callable[[], _T | None], timeout_s: float, watch: Watch | None = None
    ) -> _T | None:
        """Ask until the answer is true; None when it is not within *timeout_s*."""
        began = time.monotonic()
        with self.options.console.status("") as status:
            while True:
                self.options.alive()
                if answer := ask():
                    return answer
                passed_s = time.monotonic() - began
                if passed_s > timeout_s:
                    return None
                seen = " ".join(watch.seen) if watch is not None else ""
                status.update(f"{self.fault.id} {what} {passed_s:.0f} s  {seen}")
                time.sleep(_POLL_S)


def _others(watch: Watch) -> Check:
    measured = {"allowed": sorted(watch.promise.also), "fired": watch.strangers}
    said = ", ".join(f"{name} after {after_s:g} s" for name, after_s in watch.strangers.items())
    return Check(passed=not watch.strangers, said=said or "nothing else fired", measured=measured)
