"""Tells the truth about a stack: what the state file says, checked against the system."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

from obskit.stack._home import Home
from obskit.stack._identity import find_marked, is_alive
from obskit.stack._ports import LOOPBACK, resolve_ports
from obskit.stack._probe import check
from obskit.stack._specs import KEEPER, SUPERVISOR
from obskit.stack._state import ProcessRecord, StackRecord, read_record

__all__ = ["StackStatus", "current_address", "current_ports", "status", "uptime_s"]

_ORPHANED = "runs without a supervisor; obskit down ends it"
_NEWS = "has ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStatus:
    """What runs at this moment."""

    home: Home
    processes: tuple[ProcessRecord, ...] = ()
    ports: dict[str, int]
    time_scale: float = 1.0

    @property
    def is_running(self) -> bool:
        """True when any process of the stack runs."""
        return any(row.process is not None for row in self.processes)

    @property
    def is_watched(self) -> bool:
        """True when a supervisor, or what starts it again, runs."""
        return any(row.process is not None and row.name in {SUPERVISOR, KEEPER} for row in self.processes)

    @property
    def is_ready(self) -> bool:
        """True when every process answers its probe."""
        return bool(self.processes) and all(row.state == "ready" for row in self.processes)

    def to_json(self) -> dict[str, Any]:
        """Return what ``obskit status --json`` prints."""
        return {
            "home": str(self.home.root),
            "running": self.is_running,
            "ready": self.is_ready,
            "time_scale": self.time_scale,
            "ports": self.ports,
            "processes": [_row(record) for record in self.processes],
        }


def _row(record: ProcessRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "state": record.state,
        "pid": record.process.pid if record.process else None,
        "port": record.port,
        "url": record.url or None,
        "uptime_s": uptime_s(record),
        "restarts": record.restarts,
        "last_exit": record.last_exit or None,
        "output": record.output or None,
    }


def current_ports(home: Home) -> dict[str, int]:
    """Return the ports of the stack that runs in *home*, else those that the next one would have.

    Raises:
        ConfigError: a variable for a port has no port number.
    """
    record = read_record(home.state)
    return resolve_ports() if record is None else record.ports


def current_address(home: Home, name: str) -> str:
    """Return where the API of *name*, a port's name, answers: of the running stack, else of the next one.

    Raises:
        ConfigError: a variable for a port has no port number.
    """
    record = read_record(home.state)
    found = record.addresses.get(name) if record is not None else None
    return found or f"http://{LOOPBACK}:{current_ports(home)[name]}"


def uptime_s(record: ProcessRecord) -> float | None:
    """Return for how many seconds the process has run, or None when it does not."""
    if record.process is None or record.started_at is None:
        return None
    return round(max(0.0, time.time() - record.started_at), 1)


def status(home: Home) -> StackStatus:
    """Look at the processes of the stack in *home*; takes about a second at most, changes nothing."""
    record = read_record(home.state)
    if record is None:
        strays = tuple(
            ProcessRecord(name=name, state="failed", process=process, last_exit=_ORPHANED)
            for name, process in find_marked(home.root)
        )
        return StackStatus(home=home, processes=strays, ports={})
    return StackStatus(
        home=home,
        processes=asyncio.run(_look(home, record)),
        ports=record.ports,
        time_scale=record.time_scale,
    )


async def _look(home: Home, record: StackRecord) -> tuple[ProcessRecord, ...]:
    rows = (*record.processes, record.supervisor)
    living = {row.name for row in rows if row.process is not None and is_alive(row.process)}
    # One of the two is enough: each starts the other again.
    is_watched = bool(living & {SUPERVISOR, KEEPER}) and not home.stop.exists()
    return tuple(
        await asyncio.gather(
            *(_look_at(row, is_living=row.name in living, is_watched=is_watched) for row in rows)
        )
    )


async def _look_at(row: ProcessRecord, *, is_living: bool, is_watched: bool) -> ProcessRecord:
    if is_living:
        reason = await check(row.ready) if row.state == "ready" else ""
        return replace(row, state="unready", output=reason) if reason else row
    gone = replace(row, process=None, started_at=None)
    if row.state in {"failed", "held", "stopped"}:
        return gone
    last_exit = _NEWS if row.process is not None else row.last_exit
    return replace(gone, state="restarting" if is_watched else "failed", last_exit=last_exit)
