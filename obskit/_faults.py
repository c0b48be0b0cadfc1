"""The catalogue of faults as everything above the sample services reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from obskit._assets import asset

__all__ = ["SUPERVISOR", "Fault", "catalogue"]

SUPERVISOR = "supervisor"
"""Who switches the faults that act by load or on the stack."""

_ALL = 100
_REPLICAS = {"gateway": ("gateway-2",)}
"""Further processes of a service; each has its own memory, so a fault is switched at each."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of ``faults.yaml``; *row* is everything that the catalogue says of it."""

    row: Mapping[str, Any]

    @property
    def id(self) -> str:
        """What the command line and the admin route call it."""
        return str(self.row["id"])

    @property
    def sentence(self) -> str:
        """What it does."""
        return str(self.row.get("sentence", ""))

    @property
    def acts(self) -> str:
        """Where it acts: in a ``service``, as ``load``, or on the ``stack``."""
        return str(self.row.get("acts", "service"))

    @property
    def service(self) -> str:
        """The service that is broken, or that it is about."""
        return str(self.row.get("service", ""))

    @property
    def switched_by(self) -> str:
        """The process whose admin route switches it."""
        return self.service if self.acts == "service" else SUPERVISOR

    @property
    def switched_at(self) -> tuple[str, ...]:
        """Every process whose admin route has to be called to switch it; the first tells its state."""
        replicas = _REPLICAS.get(self.service, ()) if self.acts == "service" else ()
        return (self.switched_by, *replicas)

    @property
    def levels(self) -> tuple[int, ...]:
        """Percent that it may be switched on at."""
        return tuple(int(level) for level in self.row.get("levels") or [_ALL])

    @property
    def alert(self) -> str:
        """The alert that it fires."""
        return str(self.row.get("alert", ""))

    @property
    def panel(self) -> Mapping[str, Any]:
        """The panel that it moves: ``board``, ``title`` and the ``variables`` of the board."""
        panel = self.row.get("panel")
        return panel if isinstance(panel, Mapping) else {}


def catalogue() -> dict[str, Fault]:
    """Return the faults of ``faults.yaml`` by id, in its order.

    Raises:
        StackError: the file is missing from the installation.
    """
    rows = yaml.safe_load(asset("sample_services", "faults.yaml").read_text(encoding="utf-8"))
    return {fault.id: fault for fault in map(Fault, rows)}
