"""``obskit fault``: break something on purpose, and mend it."""

from typing import Annotated, Any

import typer

from obskit import stack
from obskit.cli._client import Api
from obskit.cli._faults import Fault, catalogue, find
from obskit.cli._options import HomeOption, JsonOption
from obskit.cli._output import print_json, print_lines, table

__all__ = ["fault"]

_FULL = 100

fault = typer.Typer(name="fault", no_args_is_help=True)


@fault.callback()
def _fault() -> None:
    """Break a sample service on purpose, and mend it.

    \b
    Example:
      obskit fault list
      obskit fault on inventory-errors --level 50
      obskit fault off inventory-errors
    """


Id = Annotated[str, typer.Argument(metavar="ID", help="A fault of obskit fault list.")]
Level = Annotated[int, typer.Option(metavar="PERCENT", help="Percent of the operations that it hits.")]


@fault.command("list")
def list_faults(as_json: JsonOption = False) -> None:
    """List the catalogue of faults; works with the stack down.

    \b
    Example:
      obskit fault list
      obskit fault list --json
    """
    rows = catalogue().values()
    if as_json:
        print_json([dict(row.row) for row in rows])
    else:
        table(
            ["id", "service", "what it does", "alert", "levels"],
            [[row.id, row.service, row.sentence, row.alert, _levels(row)] for row in rows],
        )


@fault.command("on")
def turn_on(fault_id: Id, level: Level = _FULL, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Turn a fault on.

    \b
    Example:
      obskit fault on inventory-slow
      obskit fault on inventory-errors --level 50
    """
    row = find(fault_id)
    if level not in row.levels:
        msg = f"{level} is not a level of {fault_id}; use one of {_levels(row)}."
        raise typer.BadParameter(msg, param_hint="--level")
    answer = row.turn_on(stack.Home.at(home), level)
    _say(as_json, answer, f"{fault_id} is on at {level} %: {row.sentence}", f"Alert: {row.alert}")


@fault.command("off")
def turn_off(fault_id: Id, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Turn a fault off; one that is off stays off.

    \b
    Example:
      obskit fault off inventory-slow
    """
    answer = find(fault_id).turn_off(stack.Home.at(home))
    _say(as_json, answer, f"{fault_id} is off.")


@fault.command("status")
def show_status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show which faults are on, and how often each has hit.

    \b
    Example:
      obskit fault status
      obskit fault status --json
    """
    chosen = stack.Home.at(home)
    services = dict.fromkeys(row.service for row in catalogue().values())
    rows: list[dict[str, Any]] = []
    for service in services:
        answer = Api(chosen, service).call("GET", "/admin/faults", is_admin=True)
        rows += [{**row, "service": service} for row in answer["faults"]]
    if as_json:
        print_json(rows)
    else:
        table(
            ["id", "service", "level", "hits"],
            [[row["id"], row["service"], _shown_level(row), str(row["hits"])] for row in rows],
        )


def _levels(row: Fault) -> str:
    return ", ".join(map(str, row.levels))


def _shown_level(row: dict[str, Any]) -> str:
    return f"{row['level']} %" if row["level"] else "off"


def _say(as_json: bool, answer: Any, *lines: str) -> None:
    if as_json:
        print_json(answer)
    else:
        print_lines(*lines)
