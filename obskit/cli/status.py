"""``obskit status``."""

import typer

from obskit import stack
from obskit.cli import _containers
from obskit.cli._options import BackendOption, HomeOption, JsonOption
from obskit.cli._output import print_json, print_lines, seconds, table
from obskit.errors import StackError

__all__ = ["status"]

_COLUMNS = ["name", "state", "pid", "port", "uptime", "restarts", "last exit"]


def status(home: HomeOption = None, backend: BackendOption = "native", as_json: JsonOption = False) -> None:
    """Show each process of the stack; exit 1 when one is not ready or the stack is down.

    \b
    Example:
      obskit status
      obskit status --json
      obskit status --backend compose
    """
    if backend == "compose":
        if not _containers.status(stack.Home.at(home), as_json=as_json):
            raise typer.Exit(1)
        return
    found = stack.status(stack.Home.at(home))
    if as_json:
        print_json(found.to_json())
    elif not found.processes:
        msg = f"No stack is running in {found.home.root}."
        raise StackError(msg, fix="obskit up")
    else:
        _show(found)
    if not found.is_ready:
        raise typer.Exit(1)


def _show(found: stack.StackStatus) -> None:
    table(_COLUMNS, [_cells(record) for record in found.processes])
    for record in found.processes:
        if record.output:
            log = found.home.log_of(record.name)
            print_lines(
                "", f"{record.name} ({log}):", *(f"    {line}" for line in record.output.splitlines())
            )


def _cells(record: stack.ProcessRecord) -> list[str]:
    return [
        record.name,
        record.state,
        str(record.process.pid) if record.process else "-",
        str(record.port or "-"),
        seconds(stack.uptime_s(record)),
        str(record.restarts),
        record.last_exit or "-",
    ]
