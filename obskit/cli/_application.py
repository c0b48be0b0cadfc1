"""Puts the commands together. A new command is one module beside this and its name here."""

from importlib import import_module
from typing import Annotated

import typer

from obskit._version import __version__
from obskit.cli._output import print_lines

__all__ = ["build"]

_COMMANDS = ("up", "down", "status", "demo", "logs", "trace", "check", "doctor", "adopt")
_GROUPS = ("alerts", "dashboards", "fault", "incidents", "lab", "new")


def build(only: str = "") -> typer.Typer:
    """Return the application with all commands, or with *only* that one: loading the others takes a second."""
    app = typer.Typer(name="obskit", callback=_obskit, no_args_is_help=True, pretty_exceptions_enable=False)
    names = (*_COMMANDS, *_GROUPS)
    for name in (only,) if only in names else names:
        found = getattr(import_module(f"obskit.cli.{name}"), name)
        if name in _GROUPS:
            app.add_typer(found)
        else:
            app.command()(found)
    return app


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print_lines(__version__)
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; anywhere in the line.")]


def _obskit(_version: Version = False, _debug: Debug = False) -> None:
    """Observability for Python services: start the stack, break it on purpose, see the pages.

    \b
    Example:
      obskit up
      obskit status
      obskit down
    """
