"""Faults: things that are broken on purpose, live, at a level, with evidence for each hit."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict, TypeAdapter

import obskit

__all__ = ["CATALOGUE", "Fault", "Faults", "InjectedFaultError", "load"]

CATALOGUE = Path(__file__).with_name("faults.yaml")
"""The file that lists every fault."""

_SEED = 1


class InjectedFaultError(RuntimeError):
    """The operation failed because a fault is on; nothing is wrong with it."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Effect(_Row):
    """What a hit does to the operation: wait *delay_s* seconds, or fail."""

    delay_s: float = 0.0
    error: bool = False


class Panel(_Row):
    """The panel that shows a fault, and what it shows when all is well."""

    board: str
    title: str
    healthy: str


class Fault(_Row):
    """One row of the catalogue; the fields are explained at the top of ``faults.yaml``."""

    id: str
    service: str
    point: str
    effect: Effect
    sentence: str
    levels: tuple[int, ...]
    caller_sees: str
    panel: Panel
    log_event: str
    span_attribute: str
    alert: str
    urgency: Literal["high", "low"]
    also: tuple[str, ...]
    within_s: int


def load(path: Path = CATALOGUE) -> tuple[Fault, ...]:
    """Return the rows of the catalogue in its order.

    Raises:
        pydantic.ValidationError: a row has a field missing, unknown or of the wrong type.
    """
    return TypeAdapter(tuple[Fault, ...]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))


@dataclass(slots=True)
class _Active:
    fault: Fault
    level: int
    chance: random.Random
    hits: int = 0

    def takes(self, point: str) -> bool:
        """Decide about one operation at *point*; the same sequence of decisions each time it is on."""
        return self.fault.point == point and self.chance.random() * 100 < self.level


class Faults:
    """The faults of one service that are on. They live in memory: a restart turns them off."""

    def __init__(self, service: str, catalogue: Sequence[Fault] | None = None) -> None:
        rows = load() if catalogue is None else catalogue
        self.known = {fault.id: fault for fault in rows if fault.service == service}
        self._active: dict[str, _Active] = {}
        self._log = obskit.get_logger()

    async def at(self, point: str) -> None:
        """Let the faults act that are on at *point*; the operation about to run calls this.

        Raises:
            InjectedFaultError: a fault fails this operation.
        """
        for active in list(self._active.values()):
            if active.takes(point):
                active.hits += 1
                await self._inject(active)

    def turn_on(self, fault_id: str, level: int) -> None:
        """Let a known fault hit *level* percent of its operations from now on."""
        fault = self.known[fault_id]
        chance = random.Random(f"{_SEED}/{fault_id}")  # noqa: S311 - repeatable on purpose
        self._active[fault_id] = _Active(fault, level, chance)
        self._log.warning("fault.activated", fault=fault_id, level=level)

    def turn_off(self, fault_id: str) -> None:
        """Stop a known fault; one that is off stays off."""
        active = self._active.pop(fault_id, None)
        if active is not None:
            self._log.info("fault.cleared", fault=fault_id, hits=active.hits)

    def status(self, fault_id: str) -> dict[str, str | int]:
        """Return id, level (0 when off) and hits since it was turned on."""
        active = self._active.get(fault_id)
        level, hits = (active.level, active.hits) if active else (0, 0)
        return {"id": fault_id, "level": level, "hits": hits}

    async def _inject(self, active: _Active) -> None:
        fault = active.fault
        trace.get_current_span().set_attribute(fault.span_attribute, fault.id)
        self._log.warning(fault.log_event, fault=fault.id, level=active.level, point=fault.point)
        if fault.effect.delay_s:
            await asyncio.sleep(fault.effect.delay_s)
        if fault.effect.error:
            msg = f"The fault {fault.id} is on at {active.level} %; this operation was chosen to fail."
            raise InjectedFaultError(msg)
