"""Somebody's own labels, and the limits of their rules, for the boards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from obskit import rules
from obskit._mixin import Mixin, load_mixin
from obskit.boards import build, rules_of
from obskit.catalog import SERVICE_LABEL
from obskit.errors import StackError

__all__ = ["build_mixed", "mixin_of"]


@contextmanager
def mixin_of(config: Path | None) -> Iterator[Mixin | None]:
    """Give the mixin of *config*, None without one; boards of the block draw the limits of its rules.

    Raises:
        ConfigError: the configuration is not accepted.
    """
    if config is None:
        yield None
        return
    mixin = load_mixin(config)
    # The limits are read from rules whose labels are still ours; then the boards get the others.
    ours = replace(mixin, service_label=SERVICE_LABEL, environment_label="")
    with tempfile.TemporaryDirectory() as folder:
        rules.write_mixed(ours, Path(folder))
        (Path(folder) / "alertmanager.yml").unlink()
        with rules_of(Path(folder)):
            yield mixin


def build_mixed(config: Path, destination: Path | None, source: Path | None) -> list[Path]:
    """Write the boards with the mixin of *config* into *destination*, and return what was written.

    Raises:
        ConfigError: the configuration is not accepted.
        StackError: no destination is given.
    """
    with mixin_of(config) as mixin:
        if destination is None:
            msg = "Boards with a configuration of your own need a folder of their own."
            raise StackError(msg, fix=f"obskit dashboards build --config {config} --to my_boards")
        return build(destination, source=source, mixin=mixin)
