"""``obskit lab``: two or more ways of doing one thing, measured side by side."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from obskit import stack
from obskit._assets import samples_root
from obskit.cli._options import HomeOption, JsonOption
from obskit.cli._session import interruptible

__all__ = ["lab"]

_BOARD = "obskit-labs"
_TARGET = "lab"

lab = typer.Typer(name="lab", no_args_is_help=True)


@lab.callback()
def _lab() -> None:
    """Measure ways of doing one thing, side by side under the same load.

    \b
    Example:
      obskit lab list
      obskit lab run n-plus-one-vs-join
      obskit lab run sync-vs-async --json
    """


Name = Annotated[str, typer.Argument(metavar="NAME", help="A lab of obskit lab list.")]
Rate = Annotated[
    float | None,
    typer.Option(metavar="N", min=0.1, max=2000, show_default="the lab's own", help="Calls a second."),
]
Seconds = Annotated[
    float | None,
    typer.Option(
        metavar="N", min=0.1, max=3600, show_default="the lab's own", help="Of one repetition of one way."
    ),
]
Repetitions = Annotated[
    int, typer.Option(metavar="N", min=3, max=100, help="Of each way, in turn with the others.")
]
Scale = Annotated[
    float,
    typer.Option(
        metavar="N", min=0.001, max=100, help="Times the lab's own size of data and length of outage."
    ),
]


@lab.command("list")
def list_labs(as_json: JsonOption = False) -> None:
    """List the labs; works with the stack down.

    \b
    Example:
      obskit lab list
      obskit lab list --json
    """
    raise typer.Exit(_labs("list", *_json(as_json)))


@lab.command("run")
def run_lab(
    name: Name,
    rate: Rate = None,
    seconds: Seconds = None,
    repetitions: Repetitions = 3,
    scale: Scale = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a lab and print its numbers and what they come to.

    A lab starts what it needs itself, beside the stack or without it, and ends it again. With
    the stack up its load is on the board of labs.

    \b
    Example:
      obskit lab run index-vs-none
      obskit lab run rolling-deploy-with-and-without-readiness --rate 50
      obskit lab run sync-vs-async --seconds 3 --json
    """
    chosen = {"rate": rate, "seconds": seconds, "repetitions": repetitions, "scale": scale}
    given = [f"--{option}={value:g}" for option, value in chosen.items() if value is not None]
    with _board(stack.Home.at(home)) as board:
        raise typer.Exit(_labs("run", name, *given, *board, *_json(as_json)))


def _json(is_wanted: bool) -> Sequence[str]:
    return ["--json"] if is_wanted else []


@contextmanager
def _board(home: stack.Home) -> Iterator[Sequence[str]]:
    """Have the lab's metrics scraped while the block runs, if a stack is up that does it."""
    if not stack.status(home).is_running:
        yield []
        return
    with socket.socket() as probe:
        probe.bind((stack.LOOPBACK, 0))
        port = probe.getsockname()[1]
    stack.add_target(home, _TARGET, port)
    try:
        yield [f"--port={port}", f"--board={stack.current_address(home, 'console')}/d/{_BOARD}"]
    finally:
        stack.remove_target(home, _TARGET)


def _labs(*arguments: str) -> int:
    """Run the labs' own command line and return its exit code; Ctrl-C lets it take everything down."""
    command = [sys.executable, "-P", "-m", "sample_services.labs", *arguments]
    paths = os.pathsep.join(filter(None, (str(samples_root()), os.environ.get("PYTHONPATH", ""))))
    with interruptible(), subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}) as process:  # noqa: S603 - our own module
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.terminate()
