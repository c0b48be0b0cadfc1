"""``obskit dashboards``: build the boards from their sources, and check them."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from obskit._extras import require
from obskit.cli._options import JsonOption
from obskit.cli._output import print_json, print_lines, table

__all__ = ["dashboards"]

dashboards = typer.Typer(name="dashboards", no_args_is_help=True)

Destination = Annotated[
    Path | None, typer.Option("--to", metavar="FOLDER", help="Write there instead of dashboards/json.")
]


@dashboards.callback()
def _dashboards() -> None:
    """Build the boards from their Python sources, and check them.

    \b
    Example:
      obskit dashboards list
      obskit dashboards build
      obskit dashboards check
    """
    require("grafana_foundation_sdk", extra="dashboards", used_by="obskit dashboards")


@dashboards.command("list")
def list_boards(as_json: JsonOption = False) -> None:
    """List the boards; works with the stack down.

    \b
    Example:
      obskit dashboards list
      obskit dashboards list --json
    """
    from obskit.boards import boards

    rows = [{"uid": board.uid, "title": board.title, "question": board.question} for board in boards()]
    if as_json:
        print_json(rows)
    else:
        table(["uid", "title", "question"], [list(row.values()) for row in rows])


@dashboards.command("build")
def build_boards(destination: Destination = None) -> None:
    """Write the JSON of every board; the same sources give the same bytes.

    \b
    Example:
      obskit dashboards build
      obskit dashboards build --to /tmp/boards
    """
    from obskit.boards import build

    print_lines(*(str(path) for path in build(destination)))


@dashboards.command("check")
def check_boards(as_json: JsonOption = False) -> None:
    """Check every board against the house rules, its queries and the catalogue; exit 1 on a finding.

    \b
    Example:
      obskit dashboards check
      obskit dashboards check --json
    """
    from obskit.boards import check

    findings = check()
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        print_lines(*(str(finding) for finding in findings), f"{len(findings)} findings")
    if findings:
        raise typer.Exit(1)
