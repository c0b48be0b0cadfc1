"""Reads from the catalogue of faults what the supervisor has to do for each that acts on the stack or by load."""

from collections.abc import Collection, Mapping
from typing import Any

from obskit import _faults
from obskit._assets import samples_root
from obskit.errors import StackError
from obskit.stack._certificate import certificate_of
from obskit.stack._home import Home
from obskit.stack._launch import python_module
from obskit.stack._specs import Action, StackFault
from obskit.stack._traefik import expiring_config

__all__ = ["stack_faults"]

_ACTIONS: Mapping[str, Action] = {"stop": "stop", "pause": "pause", "expire": "replace", "abuse": "run"}
"""What the supervisor does for each mechanism of the catalogue."""


def stack_faults(
    home: Home, ports: Mapping[str, int], programs: Mapping[str, str], processes: Collection[str]
) -> tuple[StackFault, ...]:
    """Return the faults that a stack of *processes* can have.

    Raises:
        StackError: a row of the catalogue cannot be understood.
    """
    rows = [fault for fault in _faults.catalogue().values() if fault.acts != "service"]
    made = [_fault(home, ports, programs, fault) for fault in rows]
    return tuple(fault for fault in made if _is_possible(fault, processes))


def _is_possible(fault: StackFault, processes: Collection[str]) -> bool:
    return (fault.process if fault.action != "run" else "traefik") in processes


def _fault(
    home: Home, ports: Mapping[str, int], programs: Mapping[str, str], fault: _faults.Fault
) -> StackFault:
    mechanism, options = str(fault.row.get("mechanism")), fault.row.get("options", {})
    if mechanism not in _ACTIONS:
        msg = f"The fault {fault.id} has the mechanism {mechanism!r}; the stack knows {', '.join(_ACTIONS)}."
        raise StackError(msg, fix="mend its row in sample_services/faults.yaml")
    is_abuse = mechanism == "abuse"
    how = _abuse(home, ports, fault.id, options) if is_abuse else {"process": str(options["process"])}
    if mechanism == "expire":
        config = expiring_config(home)
        how |= {
            "argv": (programs["traefik"], f"--configFile={config}"),
            "prepare": python_module("obskit.stack", "expire", str(home.root), "--level={level}"),
        }
    return StackFault(id=fault.id, levels=fault.levels, action=_ACTIONS[mechanism], **how)


def _abuse(home: Home, ports: Mapping[str, int], fault_id: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the abuser is run: an outsider, who comes through the door like everybody."""
    return {
        "process": f"abuse-{fault_id}",
        "argv": python_module(
            *("sample_services.abuse", str(options["pattern"]), "--level={level}"),
            f"--url=https://127.0.0.1:{ports['traefik-tls']}",
            f"--ca={certificate_of(home)}",
            f"--secrets={home.admin_token.parent}",
        ),
        "env": {"PYTHONPATH": str(samples_root())},
    }
