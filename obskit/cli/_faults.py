"""The switch of each fault of the catalogue."""

from typing import Any

from obskit import _faults, stack
from obskit.cli._client import Api
from obskit.errors import StackError

__all__ = ["Fault", "catalogue", "find"]

_SWITCH_S = 60.0
"""Seconds that breaking or mending may take: rows are written, indexes made again, processes stopped."""


class Fault(_faults.Fault):
    """One fault of the catalogue, and its switch."""

    __slots__ = ()

    def turn_on(self, home: stack.Home, level: int) -> Any:
        """Let the fault hit *level* percent of the operations; gives the answer of who switches it."""
        return self._switch(home, "POST", {"level": level})

    def turn_off(self, home: stack.Home) -> Any:
        """End the fault; one that is off stays off."""
        return self._switch(home, "DELETE")

    def _switch(self, home: stack.Home, method: str, body: dict[str, int] | None = None) -> Any:
        path = f"/admin/faults/{self.id}"
        answers = [
            Api(home, process, timeout_s=_SWITCH_S).call(method, path, body=body, is_admin=True)
            for process in self.switched_at
        ]
        return answers[0]


def catalogue() -> dict[str, Fault]:
    """Return the faults of ``faults.yaml`` by id, in its order."""
    return {name: Fault(fault.row) for name, fault in _faults.catalogue().items()}


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
