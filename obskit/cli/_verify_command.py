"""``obskit fault verify``: prove that faults show, page and end."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import httpx
import typer

from obskit import stack
from obskit.cli import _session
from obskit.cli._faults import Fault, catalogue, find
from obskit.cli._load import sending
from obskit.cli._options import BackendOption, HomeOption, JsonOption
from obskit.cli._output import print_json, progress_console
from obskit.errors import StackError

__all__ = ["verify_faults"]

_MODE = "faults"
"""The load generator's journeys, weighted so that the path of each fault is used."""
_TIMEOUT_S = 10.0

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Faults of obskit fault list.")]
All = Annotated[bool, typer.Option("--all", help="Every fault of the catalogue.")]
Level = Annotated[
    int | None, typer.Option(metavar="PERCENT", show_default="the highest", help="Level of each fault.")
]
Rate = Annotated[
    float, typer.Option(metavar="N", min=1, max=200, help="Calls a second, where no load runs yet.")
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="FILE", help="Keep results in FILE; rows that passed there are left out."
    ),
]


def verify_faults(
    ids: Ids = None,
    every: All = False,
    level: Level = None,
    rate: Rate = 16,
    report: ReportFile = None,
    backend: BackendOption = "native",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that faults move their panel, leave evidence, page and resolve; exit 1 when one does not.

    Wants a stack that is up at --time-scale 60, and sends load where none runs. Each fault is
    switched on, looked at through the same addresses that people use, and switched off. In
    containers the profile load sends, and faults of users, orders, inventory, payments and
    notifications can be switched.

    \b
    Example:
      obskit fault verify inventory-slow inventory-errors
      obskit fault verify --all --report faults.json
      obskit fault verify inventory-slow --backend compose
    """
    from obskit.cli import _verify  # reads the boards, which the other commands here do not need

    faults = _chosen(ids or [], every=every)
    chosen = stack.Home.at(home)
    is_native = backend == "native"
    (_refuse_down if is_native else _refuse_no_load)(chosen)
    kept = _verify.Report(report)
    left = kept.left(faults)
    rows: list[_verify.RowResult] = []
    console = progress_console()
    with _session.interruptible(), httpx.Client(trust_env=False, timeout=_TIMEOUT_S) as client:
        eyes = _verify.Eyes.on(chosen, client)
        with _load(chosen, client, rate) if is_native else contextlib.nullcontext(_sent_there) as alive:
            _verify.warm_up(eyes, console, alive)
            for number, fault in enumerate(left, 1):
                row = _verify.verify(eyes, fault, _verify.Options(console, alive, level))
                kept.add(fault, row)
                rows.append(row)
                _verify.announce(console, row, number, len(left))
    if as_json:
        print_json(kept.to_json() if report is not None else {"faults": [row.to_json() for row in rows]})
    elif rows:
        _verify.show_rows(rows)
    if not all(row.passed for row in rows):
        raise typer.Exit(1)


def _chosen(ids: list[str], *, every: bool) -> list[Fault]:
    if every == bool(ids):
        msg = "Name faults, or give --all."
        raise typer.BadParameter(msg, param_hint="[ID]...")
    return [*catalogue().values()] if every else [find(each) for each in dict.fromkeys(ids)]


def _refuse_down(home: stack.Home) -> None:
    if not stack.status(home).is_ready:
        msg = f"The stack in {home.root} is not up."
        raise StackError(msg, fix="obskit up --time-scale 60, then this again")


def _refuse_no_load(home: stack.Home) -> None:
    containers = stack.compose_status(home)
    load = [one for one in containers if one.service == "loadgen"]
    if not load or not all(one.is_ready for one in containers):
        bad = ", ".join(one.service for one in containers if not one.is_ready)
        msg = f"Not ready: {bad}." if bad else "No load generator runs in a container."
        fix = "COMPOSE_PROFILES=core,agents,samples,load obskit up --backend compose --time-scale 60"
        raise StackError(msg, fix=f"{fix}, then this again")


def _sent_there() -> None:
    """Say nothing: a load generator that ends in its container is started again."""


@contextlib.contextmanager
def _load(home: stack.Home, client: httpx.Client, rate: float) -> Iterator[Callable[[], None]]:
    """Make sure of load for the block; gives what raises when it has ended by itself."""
    port = stack.current_ports(home)["loadgen"]
    try:
        client.get(f"http://{stack.LOOPBACK}:{port}/metrics")
    except httpx.TransportError:
        with sending(home, rate=rate, mode=_MODE) as load:
            yield load.check
    else:
        yield lambda: None
