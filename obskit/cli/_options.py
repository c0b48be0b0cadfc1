"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from obskit import stack
from obskit.errors import ConfigError

__all__ = ["HomeOption", "JsonOption", "PortOption", "TimeScaleOption"]


def _checked_ports(values: list[str]) -> list[str]:
    for value in values:
        try:
            stack.parse_port(value)
        except ConfigError as error:
            raise typer.BadParameter(str(error)) from error
    return values


_DEFAULTS = ", ".join(f"{port.name} {port.default}" for port in stack.PORTS)

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="OBSKIT_HOME",
        show_default=".obskit",
        help="Folder that holds everything obskit writes.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
PortOption = Annotated[
    list[str],
    typer.Option(
        "--port",
        metavar="NAME=N",
        callback=_checked_ports,
        help=f"Another port; may be repeated. The defaults: {_DEFAULTS}. OBSKIT_PORT_<NAME> sets one too.",
    ),
]
TimeScaleOption = Annotated[
    float,
    typer.Option(
        "--time-scale",
        metavar="N",
        min=1,
        help="Let rules, scrapes and alert routes run N times faster than in production.",
    ),
]
