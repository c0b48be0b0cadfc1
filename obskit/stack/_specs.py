"""What a stack consists of: the description of each process, and of all of them together."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from obskit.errors import StackError
from obskit.stack._files import write_atomic
from obskit.stack._identity import Identity

__all__ = ["KEEPER", "SUPERVISOR", "Action", "Plan", "Probe", "ProcessSpec", "StackFault"]

SUPERVISOR = "supervisor"
KEEPER = "keeper"


@dataclass(frozen=True, slots=True)
class Probe:
    """How to see that a process is ready: HTTP 200 on *path*, or an open port where *path* is empty."""

    port: int
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """One process: its command line (absolute program first), environment, readiness and dependencies."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    """Added to the environment that ``obskit up`` was typed in."""
    ports: dict[str, int] = field(default_factory=dict)
    """Ports by the names of the port table; the first is the one that is shown."""
    ready: Probe | None = None
    """None: ready as soon as it runs."""
    after: tuple[str, ...] = ()
    """Names of the processes that have to be ready first; they are stopped later."""
    at_first_after: tuple[str, ...] = ()
    """Names of processes that its first start waits for, half a minute at most; later ones do not."""
    url: str = ""
    """The address for people, where there is one."""
    stop_grace_s: float = 10.0
    """Seconds between SIGTERM and SIGKILL."""
    directory: str = ""
    """The folder that it runs in; empty: the folder of the data."""
    service: str = ""
    """The service that it belongs to, and comes and goes with; empty for what the stack itself consists of."""

    @property
    def port(self) -> int | None:
        """The port that is shown beside the name."""
        return next(iter(self.ports.values()), None)


Action = Literal["stop", "pause", "replace", "run"]
"""``stop`` kills a process and keeps it from starting; ``pause`` freezes it for a part of the time;
``replace`` starts it anew with another command line; ``run`` starts a process that is not there otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFault:
    """A fault that acts on the stack and not inside a service.

    In *argv* and *prepare* the text ``{level}`` stands for the level that was asked for.
    """

    id: str
    levels: tuple[int, ...]
    action: Action
    process: str
    """The process that it acts on, or that it runs."""
    argv: tuple[str, ...] = ()
    """The command line of what is run, or of what takes the place of the process."""
    prepare: tuple[str, ...] = ()
    """A command that has to end well before."""
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that the supervisor needs to know; kept as a file, so that a new one can go on."""

    processes: tuple[ProcessSpec, ...]
    ports: dict[str, int]
    time_scale: float = 1.0
    addresses: dict[str, str] = field(default_factory=dict)
    """Where the APIs of loki, tempo and otlp answer, where that is not their port here."""
    owner: Identity | None = None
    """The process whose end, however it comes, ends the stack too; None for a stack in the background."""
    faults: tuple[StackFault, ...] = ()
    """The faults that the supervisor can switch."""
    control_port: int | None = None
    """Where it takes the orders to switch them; None: nowhere."""
    project: str = ""
    """The file that names the services; empty where there is none."""
    samples: bool | None = None
    """Whether the sample services were asked for, or refused."""
    revision: int = 0
    """Counts the changes since the start."""

    @property
    def listening(self) -> dict[str, int]:
        """Every port that it listens on, by the names of the port table."""
        ports = {name: port for spec in self.processes for name, port in spec.ports.items()}
        return ports if self.control_port is None else {**ports, SUPERVISOR: self.control_port}

    def write(self, path: Path) -> None:
        """Keep the plan at *path*."""
        write_atomic(path, orjson.dumps(self, option=orjson.OPT_INDENT_2))

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Return the plan that was kept at *path*.

        Raises:
            StackError: there is none, or it cannot be understood.
        """
        try:
            return _plan(orjson.loads(path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = f"The plan of the stack at {path} cannot be read."
            raise StackError(msg, fix="obskit down, then obskit up") from error


def _plan(raw: dict[str, Any]) -> Plan:
    return Plan(
        processes=tuple(_spec(row) for row in raw["processes"]),
        ports=raw["ports"],
        time_scale=raw["time_scale"],
        addresses=raw.get("addresses", {}),
        owner=Identity(**raw["owner"]) if raw["owner"] else None,
        faults=tuple(_fault(row) for row in raw.get("faults", ())),
        control_port=raw.get("control_port"),
        project=raw["project"],
        samples=raw["samples"],
        revision=raw["revision"],
    )


def _fault(raw: dict[str, Any]) -> StackFault:
    lists = {name: tuple(raw[name]) for name in ("levels", "argv", "prepare")}
    return StackFault(**{**raw, **lists})


def _spec(raw: dict[str, Any]) -> ProcessSpec:
    ready = Probe(**raw["ready"]) if raw["ready"] else None
    return ProcessSpec(
        **{
            **raw,
            "argv": tuple(raw["argv"]),
            "after": tuple(raw["after"]),
            "at_first_after": tuple(raw["at_first_after"]),
            "ready": ready,
        }
    )
