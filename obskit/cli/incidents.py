"""``obskit incidents``: what the pager knows."""

import getpass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from obskit import stack
from obskit.cli import _incident_source, _test_page
from obskit.cli._client import Api
from obskit.cli._options import HomeOption, JsonOption
from obskit.cli._output import print_json, print_lines, progress_console, table
from obskit.cli._page import as_page

__all__ = ["incidents"]

_COLUMNS = ["id", "status", "urgency", "service", "title", "opened", "resolved"]
_FIELDS = {"opened": "created_at", "resolved": "resolved_at"}

incidents = typer.Typer(name="incidents", no_args_is_help=True)


@incidents.callback()
def _incidents() -> None:
    """Look at incidents, acknowledge and resolve them, and page for a test.

    \b
    Example:
      obskit incidents list --status open
      obskit incidents ack INC-000001
      obskit incidents test
    """


Id = Annotated[str, typer.Argument(metavar="ID", help="An incident, such as INC-000001.")]


def _checked_status(value: str) -> str:
    unknown = set(value.split(",")) - set(_incident_source.STATUSES)
    if value in {"", "open"} or not unknown:
        return value
    accepted = ", ".join(_incident_source.STATUSES)
    msg = f"{min(unknown)!r} is not a status; use {accepted} or open."
    raise typer.BadParameter(msg)


Status = Annotated[
    str,
    typer.Option(
        metavar="STATUS",
        callback=_checked_status,
        help="triggered, acknowledged, resolved or open; commas join several.",
    ),
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=1, help="Seconds that each of the two waits may take.")
]


@incidents.command("list")
def list_incidents(status: Status = "", home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List incidents, newest first; with the stack down, those that were kept.

    \b
    Example:
      obskit incidents list
      obskit incidents list --status open --json
    """
    rows = _incident_source.latest(stack.Home.at(home), status)
    if as_json:
        print_json(rows)
    else:
        table(_COLUMNS, [[_cell(row, column) for column in _COLUMNS] for row in rows])


@incidents.command("show")
def show(incident_id: Id, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show one incident with its links, details and timeline.

    \b
    Example:
      obskit incidents show INC-000001
    """
    incident = _incident_source.find(stack.Home.at(home), incident_id)
    if as_json:
        print_json(incident)
    else:
        print_lines(*as_page(incident))


@incidents.command("ack")
def acknowledge(incident_id: Id, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Acknowledge an incident: you have it, and nobody is notified any more.

    \b
    Example:
      obskit incidents ack INC-000001
    """
    _press(home, incident_id, "acknowledge", as_json=as_json)


@incidents.command("resolve")
def resolve(incident_id: Id, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Resolve an incident; a later alert opens a new one.

    \b
    Example:
      obskit incidents resolve INC-000001
    """
    _press(home, incident_id, "resolve", as_json=as_json)


@incidents.command("test")
def page_for_test(home: HomeOption = None, timeout: Timeout = 180, as_json: JsonOption = False) -> None:
    """Page for a test: through Alertmanager to the pager, and back to resolved.

    At production timing this takes about two minutes, as every page would.

    \b
    Example:
      obskit incidents test
    """
    chosen = stack.Home.at(home)
    progress = progress_console()
    with _test_page.firing(chosen) as service:
        progress.print("Alertmanager has the test alert; waiting for the incident.")
        incident = _test_page.wait_for(chosen, service, {"triggered", "acknowledged"}, timeout_s=timeout)
        if not as_json:
            print_lines("", *as_page(incident), "")
    progress.print("The test alert has ended; waiting until the incident is resolved.")
    incident = _test_page.wait_for(chosen, service, {"resolved"}, timeout_s=timeout)
    if as_json:
        print_json(incident)
    else:
        print_lines(f"{incident['id']} is resolved. The whole chain works.")


def _press(home: Path | None, incident_id: str, action: str, *, as_json: bool) -> None:
    path = f"/v1/incidents/{quote(incident_id, safe='')}/{action}"
    pager = Api(stack.Home.at(home), "pager")
    incident = pager.call("POST", path, body={"by": getpass.getuser()}, is_admin=True)
    if as_json:
        print_json(incident)
    else:
        print_lines(f"{incident['id']} is {incident['status']}: {incident['title']}")


def _cell(row: dict[str, Any], column: str) -> str:
    return str(row[_FIELDS.get(column, column)] or "-")
