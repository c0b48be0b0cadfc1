"""Builds the boards with somebody's own labels and with the limits of their rules."""

import tempfile
from dataclasses import replace
from pathlib import Path

from obskit import rules
from obskit._mixin import load_mixin
from obskit.boards import build, rules_of
from obskit.catalog import SERVICE_LABEL
from obskit.errors import StackError

__all__ = ["build_mixed"]


def build_mixed(config: Path, destination: Path | None, source: Path | None) -> list[Path]:
    """Write the boards with the mixin of *config* into *destination*, and return what was written.

    Raises:
        ConfigError: the configuration is not accepted.
        StackError: no destination is given.
    """
    mixin = load_mixin(config)
    if destination is None:
        msg = "Boards with a configuration of your own need a folder of their own."
        raise StackError(msg, fix=f"obskit dashboards build --config {config} --to my_boards")
    # The limits are read from rules whose labels are still ours; then the boards get the others.
    ours = replace(mixin, service_label=SERVICE_LABEL, environment_label="")
    with tempfile.TemporaryDirectory() as folder:
        rules.write_mixed(ours, Path(folder))
        (Path(folder) / "alertmanager.yml").unlink()
        with rules_of(Path(folder)):
            return build(destination, source=source, mixin=mixin)
