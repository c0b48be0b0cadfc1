"""Adds an objective to an ``slo.yaml``, keeping what people wrote there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from obskit._assets import asset
from obskit.errors import ConfigError
from obskit.rules._objective import load_objectives, objective
from obskit.rules._yaml import write_whole

__all__ = ["add_objective"]

_NEW_FILE = "# What is promised to whom; obskit alerts build makes the rules.\nobjectives:\n"


def add_objective(entry: Mapping[str, Any], path: Path | None = None) -> Path:
    """Append *entry* to *path* (``alerts/slo.yaml``), which is made when missing; its comments stay.

    Raises:
        ConfigError: the entry or the file is not accepted, or the objective is there already;
            nothing is written.
        StackError: the installation is incomplete.
    """
    target = path or asset("alerts", "slo.yaml")
    made = objective(entry)
    known = load_objectives(target) if target.exists() else ()
    if any((one.service, one.name) == (made.service, made.name) for one in known):
        msg = f"{target} has the objective {made.name!r} of {made.service} already; change it there."
        raise ConfigError(msg)
    before = target.read_text(encoding="utf-8") if target.exists() else _NEW_FILE
    return write_whole(target, before.rstrip("\n") + "\n\n" + _as_item(entry))


def _as_item(entry: Mapping[str, Any]) -> str:
    """Return the entry as an item of the list, its sli on one line."""
    plain = {key: value for key, value in entry.items() if key != "sli"}
    lines = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).splitlines()
    sli = yaml.safe_dump(dict(entry["sli"]), default_flow_style=True, sort_keys=False, width=10_000).strip()
    return "  - " + "\n    ".join([*lines, f"sli: {sli}"]) + "\n"
