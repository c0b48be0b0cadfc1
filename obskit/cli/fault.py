"""``obskit fault``: break something on purpose, and mend it."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from obskit import stack
from obskit.cli._client import Api, UnreachableError
from obskit.cli._faults import Fault, catalogue, find
from obskit.cli._options import HomeOption, JsonOption
from obskit.cli._output import print_json, print_lines, table
from obskit.cli._verify_command import verify_faults

__all__ = ["fault"]

_FULL = 100

fault = typer.Typer(name="fault", no_args_is_help=True)
fault.command("verify")(verify_faults)


@fault.callback()
def _fault() -> None:
    """Break something on purpose, and mend it: in a service, by load, or in the stack around them.

    \b
    Example:
      obskit fault list
      obskit fault on inventory-errors --level 50
      obskit fault off inventory-errors
    """


Id = Annotated[str, typer.Argument(metavar="ID", help="A fault of obskit fault list.")]
Level = Annotated[
    int, typer.Option(metavar="PERCENT", help="How much: of the operations, the time or the load.")
]


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
            ["id", "acts", "service", "what it does", "alert", "levels"],
            [[row.id, row.acts, row.service, row.sentence, row.alert, _levels(row)] for row in rows],
        )


@fault.command("on")
def turn_on(fault_id: Id, level: Level = _FULL, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Turn a fault on; it stays on until it is turned off, or the stack goes down.

    \b
    Example:
      obskit fault on inventory-slow
      obskit fault on inventory-errors --level 50
      obskit fault on client-flood
      obskit fault on broker-down
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
    rows = [_state_of(fault, answers) for fault, answers in _states(stack.Home.at(home))]
    if as_json:
        print_json(rows)
    else:
        table(
            ["id", "service", "acts", "level", "hits"],
            [
                [
                    row["id"],
                    row["service"],
                    row["acts"],
                    _shown_level(row),
                    "-" if row["hits"] is None else str(row["hits"]),
                ]
                for row in rows
            ],
        )


_Answer = dict[str, dict[str, Any]] | UnreachableError


def _states(home: stack.Home) -> Iterator[tuple[Fault, _Answer]]:
    """Yield every fault, with what the process that switches it says of all of its own.

    Raises:
        UnreachableError: nobody answers at all.
    """
    faults = catalogue().values()
    answers = {name: _ask(home, name) for name in dict.fromkeys(fault.switched_by for fault in faults)}
    unreachable = [answer for answer in answers.values() if isinstance(answer, UnreachableError)]
    # One that does not answer may be what a fault has stopped.
    if len(unreachable) == len(answers):
        raise unreachable[0]
    for fault in faults:
        yield fault, answers[fault.switched_by]


def _ask(home: stack.Home, process: str) -> _Answer:
    try:
        answer = Api(home, process).call("GET", "/admin/faults", is_admin=True)
    except UnreachableError as error:
        return error
    rows = answer["faults"] if answer else []  # something else may hold the port
    return {row["id"]: row for row in rows}


def _state_of(fault: Fault, answer: _Answer) -> dict[str, Any]:
    about = {"id": fault.id, "service": fault.service, "acts": fault.acts}
    if isinstance(answer, UnreachableError):
        return {**about, "level": None, "hits": None}
    state = answer.get(fault.id, {"level": 0, "hits": 0})
    return {**about, "level": state["level"], "hits": state["hits"]}


def _levels(row: Fault) -> str:
    return ", ".join(map(str, row.levels))


def _shown_level(row: dict[str, Any]) -> str:
    if row["level"] is None:
        return "no answer"
    return f"{row['level']} %" if row["level"] else "off"


def _say(as_json: bool, answer: Any, *lines: str) -> None:
    if as_json:
        print_json(answer)
    else:
        print_lines(*lines)
