"""``obskit down``."""

from typing import Annotated

import typer

from obskit import stack
from obskit.cli import _containers, _session
from obskit.cli._options import BackendOption, HomeOption
from obskit.cli._output import print_lines

__all__ = ["down"]

Wipe = Annotated[bool, typer.Option("--wipe", help="Remove the home folder with all data and logs too.")]


def down(home: HomeOption = None, wipe: Wipe = False, backend: BackendOption = "native") -> None:
    """End everything that obskit up started, in reverse order.

    \b
    Example:
      obskit down
      obskit down --wipe
      obskit down --backend compose --wipe
    """
    chosen = stack.Home.at(home)
    if backend == "compose":
        _containers.down(chosen, wipe=wipe)
        return
    existed = chosen.exists()
    was_running = _session.end(chosen, wipe=wipe)
    print_lines("Nothing is left running." if was_running else f"No stack was running in {chosen.root}.")
    if wipe and existed:
        print_lines(f"Removed {chosen.root}.")
