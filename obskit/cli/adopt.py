"""``obskit adopt``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from obskit.cli._adopt import plan
from obskit.cli._new import bundle
from obskit.cli._output import print_lines

__all__ = ["adopt"]

Folder = Annotated[
    Path, typer.Argument(metavar="PATH", exists=True, file_okay=False, help="Folder of one service.")
]
Service = Annotated[
    str, typer.Option("--service", metavar="NAME", show_default="that of the project", help="Its name.")
]
Apply = Annotated[bool, typer.Option("--apply", help="Write the changes instead of showing them.")]
Vendor = Annotated[
    bool, typer.Option("--vendor", help="With --apply: put obskit's wheel into vendor/, for images and CI.")
]


def adopt(
    path: Folder = Path(),
    service: Service = "",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port for obskit up to start it on.")] = 8000,
    apply: Apply = False,
    vendor: Vendor = False,
) -> None:
    """Show what an existing FastAPI, Starlette or Flask service lacks, as a diff to apply.

    Reads its files and runs nothing of it. The diff adds the dependency, obskit's
    calls around the application, its HTTP clients, engines and broker, and an
    obskit.toml for obskit up. The same again shows nothing.

    \b
    Example:
      obskit adopt
      obskit adopt services/shop | git apply --directory services/shop
      obskit adopt services/shop --apply
    """
    if vendor and not apply:
        msg = "--vendor writes a file; give --apply too"
        raise typer.BadParameter(msg)
    found = plan(path, service=service, port=port)
    for note in found.notes:
        sys.stderr.write(f"Note: {note}\n")
    if apply:
        found.apply()
        made = [bundle(path / "vendor")] if vendor else []
        print_lines(*(str(change.path) for change in found.changes), *map(str, made))
        sys.stderr.write(_next(path, has_changes=bool(found.changes)))
        return
    sys.stdout.write("".join(change.diff(path) for change in found.changes))
    if not found.changes:
        sys.stderr.write("Nothing is missing.\n")


def _next(path: Path, *, has_changes: bool) -> str:
    return f"Next: cd {path}, obskit up\n" if has_changes else "Nothing is missing.\n"
