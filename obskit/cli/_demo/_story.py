"""The story of the demo: load, comparison, two faults with their pages, recovery.

Every number comes from Prometheus, the pager, the gateways or the clock.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console

from obskit import stack
from obskit.cli._client import Api
from obskit.cli._demo._measure import MODES, Measured, measure
from obskit.cli._demo._orders import states
from obskit.cli._faults import Fault, find
from obskit.cli._load import Load, sending
from obskit.cli._prometheus import Prometheus
from obskit.cli._waiting import wait
from obskit.errors import StackError

__all__ = ["FAULTS", "FaultResult", "Result", "tell"]

FAULTS = (("inventory-slow", 100), ("inventory-errors", 50))
"""The faults of the demo and their levels in percent."""

_COMPARISON_S = 30
_FAULT_WINDOW_S = 10
_FAULT_S = 30.0
"""Seconds that a fault lasts at least: 30 minutes at the demo's timing. By then the slower page window
of the objective has joined the incident; a shorter fault would page a second time after its end."""
_ALERT_TIMEOUT_S = 60.0
_RESOLVE_TIMEOUT_S = 120.0
_ORDERS_TIMEOUT_S = 60.0


@dataclass(kw_only=True)
class FaultResult:
    """What one fault did: to the caller in each mode, to the alert and to the incident."""

    name: str
    level: int
    sync: Measured
    # "async" is a keyword; the JSON has it as the mode's name.
    async_: Measured
    alert: str
    fired_after_s: float
    paged_after_s: float
    incident_id: str
    incident: dict[str, Any]
    resolved_after_s: float | None = None


@dataclass(kw_only=True)
class Result:
    """Everything that the demo measured."""

    rate: float
    time_scale: float
    window_s: int = _COMPARISON_S
    comparison: dict[str, Measured] = field(default_factory=dict)
    faults: list[FaultResult] = field(default_factory=list)
    orders: dict[str, int] = field(default_factory=dict)


class _Story:
    def __init__(self, home: stack.Home, console: Console, client: httpx.Client, load: Load) -> None:
        ports = stack.current_ports(home)
        self.home, self.console, self.load = home, console, load
        self.prometheus = Prometheus(f"http://{stack.LOOPBACK}:{ports['prometheus']}", client)
        self.pager = Api(home, "pager")
        self.door = f"http://{stack.LOOPBACK}:{ports['traefik']}"

    def wait(self, what: str, ask: Callable[[], Any], timeout_s: float) -> tuple[Any, float]:
        def alive() -> Any:
            self.load.check()
            return ask()

        fix = f"obskit status --home {self.home.root}, and the logs in {self.home.logs}"
        return wait(self.console, what, alive, timeout_s=timeout_s, fix=fix)

    def run_for(self, seconds: float, what: str) -> None:
        """Let the load run for a given time: here the time itself is what is wanted."""
        until = time.monotonic() + seconds
        self.wait(what, lambda: time.monotonic() >= until, seconds + 1)

    def measure(self, window_s: int) -> dict[str, Measured]:
        return {mode: measure(self.prometheus, mode, window_s) for mode in MODES}

    def compare(self) -> dict[str, Measured]:
        def seen() -> bool:
            return all(self.measure(5)[mode].rate for mode in MODES)

        self.wait("Waiting for the first orders in Prometheus", seen, 30)
        self.run_for(_COMPARISON_S, f"Measuring {_COMPARISON_S} s of load")
        return self.measure(_COMPARISON_S)

    def incident(self, alert: str, since: datetime, statuses: set[str]) -> dict[str, Any] | None:
        """Return the page for *alert* that was opened after *since* and has one of *statuses*."""
        for row in self.pager.call("GET", "/v1/incidents?limit=100")["incidents"]:
            opened = datetime.fromisoformat(row["created_at"])
            is_page = row["details"].get("alertname") == alert and row["urgency"] == "high"
            if is_page and opened >= since and row["status"] in statuses:
                found: dict[str, Any] = row
                return found
        return None

    def break_it(self, fault: Fault, level: int) -> FaultResult:
        since, began = datetime.now(UTC), time.monotonic()
        fault.turn_on(self.home, level)
        _, fired_s = self.wait(
            f"Waiting for {fault.alert} to fire",
            lambda: self.prometheus.firing(fault.alert),
            _ALERT_TIMEOUT_S,
        )
        open_ = {"triggered", "acknowledged"}
        incident, _ = self.wait(
            "Waiting for the page", lambda: self.incident(fault.alert, since, open_), _ALERT_TIMEOUT_S
        )
        paged_s = time.monotonic() - began
        self.run_for(max(0.0, _FAULT_S - paged_s), "Measuring what the caller sees")
        seen = self.measure(_FAULT_WINDOW_S)
        return FaultResult(
            name=fault.id,
            level=level,
            sync=seen["sync"],
            async_=seen["async"],
            alert=fault.alert,
            fired_after_s=round(fired_s, 1),
            paged_after_s=round(paged_s, 1),
            incident_id=incident["id"],
            incident=incident,
        )

    def mend(self, fault: Fault, result: FaultResult) -> None:
        fault.turn_off(self.home)
        path = f"/v1/incidents/{result.incident_id}"

        def resolved() -> bool:
            return bool(self.pager.call("GET", path)["status"] == "resolved")

        _, after_s = self.wait(
            f"Waiting until {result.incident_id} is resolved", resolved, _RESOLVE_TIMEOUT_S
        )
        result.resolved_after_s = round(after_s, 1)

    def settle(self) -> dict[str, int]:
        """Stop the load and return what became of every async order that was accepted."""
        self.load.stop()
        accepted = self.load.accepted()
        last: dict[str, int] = {}

        def settled() -> bool:
            last.clear()
            last.update(states(self.door, accepted, self.home.demo_users))
            return not last.get("pending")

        fix = f"the logs of orders and inventory in {self.home.logs}"
        wait(
            self.console,
            f"Asking for {len(accepted)} async orders",
            settled,
            timeout_s=_ORDERS_TIMEOUT_S,
            fix=fix,
        )
        return {"accepted": len(accepted), **last}


def tell(home: stack.Home, console: Console, *, rate: float, show: Callable[[str, Any], None]) -> Result:
    """Run the whole story on a stack that is up, and return its numbers.

    *show* is called with each part when it is there: ``comparison``, ``fault`` (the page is
    open), ``resolved`` and ``orders``.

    Raises:
        StackError: a part did not happen in its time, or a process does not answer.
    """
    result = Result(rate=rate, time_scale=stack.status(home).time_scale)
    try:
        with httpx.Client(trust_env=False, timeout=10) as client, sending(home, rate=rate) as load:
            story = _Story(home, console, client, load)
            result.comparison = story.compare()
            show("comparison", result)
            for name, level in FAULTS:
                fault = find(name)
                try:
                    broken = story.break_it(fault, level)
                    result.faults.append(broken)
                    show("fault", broken)
                    story.mend(fault, broken)
                finally:
                    fault.turn_off(home)
                show("resolved", broken)
            result.orders = story.settle()
            show("orders", result)
    except httpx.HTTPError as error:
        msg = f"A part of the stack stopped answering ({type(error).__name__}: {error})."
        raise StackError(msg, fix=f"obskit status --home {home.root}") from error
    return result
