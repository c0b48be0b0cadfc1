"""``obskit new``: writes the beginning of something of yours."""

from pathlib import Path
from typing import Annotated

import typer

from obskit.cli import _new
from obskit.cli._options import JsonOption
from obskit.cli._output import print_json, print_lines

__all__ = ["new"]

new = typer.Typer(name="new", no_args_is_help=True)


@new.callback()
def _new_group() -> None:
    """Write the beginning of something of yours.

    \b
    Example:
      obskit new service shop
    """


@new.command("service")
def new_service(
    name: Annotated[str, typer.Argument(help="Its name, such as shop: also that of its folder and package.")],
    to: Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="Folder, else ./NAME.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port that it listens on.")] = 8000,
    as_json: JsonOption = False,
) -> None:
    """Write a small FastAPI service that is observed by obskit, with tests, Dockerfile and objectives.

    \b
    Example:
      obskit new service shop
      obskit new service shop --to services/shop --port 8010
    """
    folder = to or Path(name)
    files = [*_new.write_service(name, folder, port), _new.bundle(folder / "vendor")]
    if as_json:
        print_json({"folder": str(folder), "files": [str(path) for path in files]})
        return
    print_lines(
        *map(str, files),
        "",
        f"Next: cd {folder}",
        "      python -m pip install --find-links vendor --editable '.[dev]'",
        "      pytest",
        "      obskit up",
    )
