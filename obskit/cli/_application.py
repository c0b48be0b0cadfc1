"""Puts the commands together. A new command is one module beside this and one line here."""

from typing import Annotated

import typer

from obskit._version import __version__
from obskit.cli._output import print_lines
from obskit.cli.adopt import adopt
from obskit.cli.alerts import alerts
from obskit.cli.check import check
from obskit.cli.dashboards import dashboards
from obskit.cli.demo import demo
from obskit.cli.doctor import doctor
from obskit.cli.down import down
from obskit.cli.fault import fault
from obskit.cli.incidents import incidents
from obskit.cli.lab import lab
from obskit.cli.logs import logs
from obskit.cli.new import new
from obskit.cli.status import status
from obskit.cli.trace import trace
from obskit.cli.up import up

__all__ = ["build"]

_COMMANDS = (up, down, status, demo, logs, trace, check, doctor, adopt)
_GROUPS = (alerts, dashboards, fault, incidents, lab, new)


def build() -> typer.Typer:
    """Return the application with all commands."""
    app = typer.Typer(name="obskit", callback=_obskit, no_args_is_help=True, pretty_exceptions_enable=False)
    for command in _COMMANDS:
        app.command()(command)
    for group in _GROUPS:
        app.add_typer(group)
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
