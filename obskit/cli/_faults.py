"""The catalogue of faults, and the switch of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from obskit import stack
from obskit._assets import asset
from obskit.cli._client import Api
from obskit.errors import StackError

__all__ = ["Fault", "catalogue", "find"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the catalogue; *row* is everything that the catalogue says of it."""

    id: str
    service: str
    alert: str
    levels: tuple[int, ...]
    sentence: str
    row: Mapping[str, Any]

    def turn_on(self, home: stack.Home, level: int) -> Any:
        """Let the fault hit *level* percent of the operations; gives the service's answer."""
        path = f"/admin/faults/{self.id}"
        return Api(home, self.service).call("POST", path, body={"level": level}, is_admin=True)

    def turn_off(self, home: stack.Home) -> Any:
        """End the fault; one that is off stays off."""
        return Api(home, self.service).call("DELETE", f"/admin/faults/{self.id}", is_admin=True)


def catalogue() -> dict[str, Fault]:
    """Return the faults of ``faults.yaml`` by id, in its order."""
    rows = yaml.safe_load(asset("sample_services", "faults.yaml").read_text(encoding="utf-8"))
    return {
        row["id"]: Fault(
            id=row["id"],
            service=row["service"],
            alert=row["alert"],
            levels=tuple(row["levels"]),
            sentence=row["sentence"],
            row=row,
        )
        for row in rows
    }


def find(fault_id: str) -> Fault:
    """Return one fault.

    Raises:
        StackError: the catalogue has no such fault.
    """
    faults = catalogue()
    if fault_id not in faults:
        msg = f"There is no fault {fault_id!r}; there are {', '.join(faults)}."
        raise StackError(msg, fix="obskit fault list")
    return faults[fault_id]
