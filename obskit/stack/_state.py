"""The state file: what the supervisor knows about each process, for everybody else to read."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from obskit.stack._identity import Identity
from obskit.stack._specs import Probe

__all__ = ["Phase", "ProcessRecord", "StackRecord", "State", "read_record"]

State = Literal["starting", "ready", "unready", "restarting", "failed", "held", "stopped"]
"""``unready`` is a process that runs and was ready once, but does not answer its probe now;
``held`` one that a fault has stopped, frozen or replaced on purpose."""

Phase = Literal["starting", "running", "stopping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRecord:
    """One process as its watcher last saw it; times in Unix seconds."""

    name: str
    state: State
    process: Identity | None = None
    started_at: float | None = None
    ready: Probe | None = None
    port: int | None = None
    url: str = ""
    restarts: int = 0
    last_exit: str = ""
    output: str = ""
    """Why it is not ready: the traceback or the last lines of a process that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRecord:
    """The whole stack as its supervisor last saw it."""

    phase: Phase
    supervisor: ProcessRecord
    processes: tuple[ProcessRecord, ...]
    ports: dict[str, int]
    time_scale: float
    addresses: dict[str, str] = field(default_factory=dict)
    """As in the plan."""
    faults: dict[str, int] = field(default_factory=dict)
    """The faults of the stack that are on, and their levels."""
    revision: int = 0
    """That of the plan that is carried out."""

    def to_json(self) -> bytes:
        """Return the content of the state file."""
        return orjson.dumps(self, option=orjson.OPT_INDENT_2)


def read_record(path: Path) -> StackRecord | None:
    """Return what the state file at *path* says, or None when there is none that can be understood."""
    try:
        raw = orjson.loads(path.read_bytes())
        return StackRecord(
            phase=raw["phase"],
            supervisor=_record(raw["supervisor"]),
            processes=tuple(_record(row) for row in raw["processes"]),
            ports=raw["ports"],
            time_scale=raw["time_scale"],
            addresses=raw.get("addresses", {}),
            faults=raw.get("faults", {}),
            revision=raw.get("revision", 0),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _record(raw: dict[str, Any]) -> ProcessRecord:
    process = Identity(**raw["process"]) if raw["process"] else None
    ready = Probe(**raw["ready"]) if raw["ready"] else None
    return ProcessRecord(**{**raw, "process": process, "ready": ready})
