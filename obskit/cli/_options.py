"""Options that several commands have."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from obskit import stack
from obskit.errors import ConfigError

__all__ = [
    "AttachOption",
    "BackendOption",
    "HomeOption",
    "JsonOption",
    "KeepDaysOption",
    "KeepMbOption",
    "LokiOption",
    "OtlpOption",
    "PortOption",
    "ProjectOption",
    "SamplesOption",
    "TempoOption",
    "TimeScaleOption",
]


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


def _checked_services(values: list[str]) -> list[str]:
    for value in values:
        try:
            stack.attached(value)
        except ConfigError as error:
            raise typer.BadParameter(str(error)) from error
    return values


AttachOption = Annotated[
    list[str],
    typer.Option(
        "--attach",
        metavar="NAME=URL",
        callback=_checked_services,
        help="Watch a service that runs already; may be repeated. A stack that is up takes it in at once.",
    ),
]
ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="FILE",
        show_default="obskit.toml, or [tool.obskit] of pyproject.toml, here",
        help="File that names your services.",
    ),
]
MixinOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="An obskit.toml or pyproject.toml whose table mixin names your labels, buckets and objectives.",
    ),
]
SamplesOption = Annotated[
    bool | None,
    typer.Option(
        "--samples/--no-samples",
        show_default="samples only where there is no service of yours",
        help="Start the sample services.",
    ),
]
BackendOption = Annotated[
    Literal["native", "compose"],
    typer.Option(
        "--backend",
        envvar="OBSKIT_BACKEND",
        help="native: processes of this machine; compose: containers, with Grafana, Loki and Tempo.",
    ),
]
_STORE_HELP = (
    "Address of a {0} to use, or 'embedded'; else a {1} of Grafana's on PATH is used, if there is one."
)
LokiOption = Annotated[
    str,
    typer.Option("--loki", metavar="URL", envvar="OBSKIT_LOKI", help=_STORE_HELP.format("Loki", "loki")),
]
TempoOption = Annotated[
    str,
    typer.Option("--tempo", metavar="URL", envvar="OBSKIT_TEMPO", help=_STORE_HELP.format("Tempo", "tempo")),
]
OtlpOption = Annotated[
    str,
    typer.Option(
        "--otlp",
        metavar="URL",
        envvar="OBSKIT_OTLP",
        show_default="port 4318 beside it",
        help="Where the Tempo of --tempo URL takes spans.",
    ),
]
KeepDaysOption = Annotated[
    float,
    typer.Option(
        "--keep-days",
        metavar="N",
        min=0.001,
        max=10_000,
        envvar="OBSKIT_KEEP_DAYS",
        help="Days that logs and traces are kept after they arrived.",
    ),
]
KeepMbOption = Annotated[
    int,
    typer.Option(
        "--keep-mb",
        metavar="N",
        min=1,
        max=1_000_000,
        envvar="OBSKIT_KEEP_MB",
        help="Size in MB that each of the two embedded stores may have.",
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
