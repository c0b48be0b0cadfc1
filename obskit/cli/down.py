"""``obskit down``."""

from typing import Annotated

import typer

from obskit import stack
from obskit.cli import _containers, _own_services, _session
from obskit.cli._options import BackendOption, HomeOption
from obskit.cli._output import print_lines

__all__ = ["down"]

Wipe = Annotated[bool, typer.Option("--wipe", help="Remove the home folder with all data and logs too.")]


Names = Annotated[
    list[str],
    typer.Argument(metavar="[NAME]...", show_default=False, help="Services of yours; all else runs on."),
]


def down(
    names: Names = [],  # noqa: B006 - typer copies it
    home: HomeOption = None,
    wipe: Wipe = False,
    backend: BackendOption = "native",
) -> None:
    """End everything that obskit up started, in reverse order; or only the services NAME.

    A service of yours that is named is ended, or detached where obskit did not
    start it: it is no longer scraped, and nothing pages because it is gone. The
    rest of the stack runs on; obskit.toml is not read until the next obskit up.

    \b
    Example:
      obskit down
      obskit down billing
      obskit down --wipe
      obskit down --backend compose --wipe
    """
    chosen = stack.Home.at(home)
    if names:
        if wipe or backend == "compose":
            msg = "with NAME there is neither --wipe nor --backend compose"
            raise typer.BadParameter(msg)
        print_lines(*_own_services.detach(chosen, names))
        return
    if backend == "compose":
        _containers.down(chosen, wipe=wipe)
        return
    existed = chosen.exists()
    was_running = _session.end(chosen, wipe=wipe)
    print_lines("Nothing is left running." if was_running else f"No stack was running in {chosen.root}.")
    if wipe and existed:
        print_lines(f"Removed {chosen.root}.")
