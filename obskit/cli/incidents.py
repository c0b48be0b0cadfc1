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
from obskit.errors import StackError

__all__ = ["incidents"]

_COLUMNS = ["id", "status", "urgency", "service", "title", "opened", "resolved"]
_FIELDS = {"opened": "created_at", "resolved": "resolved_at"}

incidents = typer.Typer(name="incidents", no_args_is_help=True)


@incidents.callback()
def _incidents() -> None:
    """Look at incidents, do what has to be done with them, and page for a test.

    \b
    Example:
      obskit incidents list --status open
      obskit incidents ack INC-000001
      obskit incidents note INC-000001 "rolled back orders 1.4.2"
      obskit incidents export INC-000001 > postmortem.md
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
    _show_state(_press(home, incident_id, "acknowledge"), as_json=as_json)


@incidents.command("resolve")
def resolve(incident_id: Id, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Resolve an incident; a later alert opens a new one.

    \b
    Example:
      obskit incidents resolve INC-000001
    """
    _show_state(_press(home, incident_id, "resolve"), as_json=as_json)


@incidents.command("note")
def note(
    incident_id: Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write down, on one line.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a note on an incident's timeline; a resolved one takes notes too.

    \b
    Example:
      obskit incidents note INC-000001 "rolled back orders 1.4.2"
    """
    incident = _press(home, incident_id, "note", text=text)
    if as_json:
        print_json(incident)
    else:
        print_lines(f"Noted on {incident['id']}: {incident['title']}")


@incidents.command("escalate")
def escalate(incident_id: Id, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Tell the next level of the escalation policy now; you need help.

    \b
    Example:
      obskit incidents escalate INC-000001
    """
    incident = _press(home, incident_id, "escalate")
    if as_json:
        print_json(incident)
    else:
        print_lines(incident["timeline"][-1]["message"])


@incidents.command("export")
def export(
    incident_id: Id,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE instead of stdout.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an incident with its timeline as Markdown, for a ticket or a postmortem.

    \b
    Example:
      obskit incidents export INC-000001 -o postmortem.md
      obskit incidents export INC-000001 --json
    """
    chosen = stack.Home.at(home)
    if as_json:
        print_json(_incident_source.find(chosen, incident_id))
        return
    text = _incident_source.markdown(chosen, incident_id)
    if output is None:
        print_lines(text.rstrip("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{output} cannot be written: {error.strerror}."
        raise StackError(msg, fix="Name another file with --output.") from error
    print_lines(f"{output} holds {incident_id}.")


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


def _press(home: Path | None, incident_id: str, action: str, **more: str) -> dict[str, Any]:
    path = f"/v1/incidents/{quote(incident_id, safe='')}/{action}"
    pager = Api(stack.Home.at(home), "pager")
    incident: dict[str, Any] = pager.call("POST", path, body={"by": getpass.getuser(), **more}, is_admin=True)
    return incident


def _show_state(incident: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(incident)
    else:
        print_lines(f"{incident['id']} is {incident['status']}: {incident['title']}")


def _cell(row: dict[str, Any], column: str) -> str:
    return str(row[_FIELDS.get(column, column)] or "-")
