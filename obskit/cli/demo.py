"""``obskit demo``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from obskit import stack
from obskit.cli import _demo, _session
from obskit.cli._options import HomeOption, PortOption
from obskit.cli._output import print_lines, progress_console
from obskit.errors import StackError

__all__ = ["demo"]

_INTERRUPTED = 130
_TIME_SCALE = 60.0
"""An alert that takes ten minutes in production takes ten seconds in the demo."""

Rate = Annotated[
    float, typer.Option(metavar="N", min=2, max=200, help="Orders a second, half of them async.")
]
Exit = Annotated[
    bool, typer.Option("--exit", help="End everything at the end, instead of staying until Ctrl-C.")
]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every number to FILE.")]

_SHOW: dict[str, Any] = {
    "comparison": _demo.show_comparison,
    "fault": _demo.show_fault,
    "resolved": _demo.show_resolved,
    "orders": _demo.show_orders,
}


def demo(
    rate: Rate = 10,
    json_file: Json = None,
    exit_at_end: Exit = False,
    home: HomeOption = None,
    port: PortOption = [],  # noqa: B006 - typer copies it
) -> None:
    """Start everything, send load, break it twice, watch the pages, mend it.

    Takes about three minutes, then stays up until Ctrl-C.

    \b
    Example:
      obskit demo
      obskit demo --exit --json out.json
    """
    chosen = stack.Home.at(home)
    _refuse_unwritable(json_file)
    ports = stack.resolve_ports(dict(map(stack.parse_port, port)))
    try:
        _run(chosen, ports, rate, json_file, exit_at_end=exit_at_end)
    except KeyboardInterrupt:
        print_lines("", "Interrupted. Nothing is left running.")
        raise typer.Exit(_INTERRUPTED) from None


def _run(
    home: stack.Home, ports: dict[str, int], rate: float, json_file: Path | None, *, exit_at_end: bool
) -> None:
    record = _session.start(home, ports=ports, time_scale=_TIME_SCALE, is_owner=True)
    try:
        with _session.interruptible():
            result = _demo.tell(
                home, progress_console(), rate=rate, show=lambda part, value: _SHOW[part](value)
            )
        if json_file is not None:
            json_file.write_bytes(orjson.dumps(_as_json(result), option=orjson.OPT_INDENT_2))
        if not exit_at_end:
            _stay(home, record)
    finally:
        _session.end(home)


def _stay(home: stack.Home, record: stack.StackRecord) -> None:
    print_lines("", *_session.urls(record), "", "Try: obskit fault on inventory-errors", "Ctrl-C ends it.")
    try:
        _session.stay(home)
    except KeyboardInterrupt:
        print_lines("")


def _as_json(result: _demo.Result) -> dict[str, Any]:
    raw = dataclasses.asdict(result)
    for fault in raw["faults"]:
        fault["async"] = fault.pop("async_")
    return raw


def _refuse_unwritable(path: Path | None) -> None:
    """Find out before minutes of work that their result could not be kept.

    Raises:
        StackError: the file cannot be written.
    """
    if path is None:
        return
    try:
        path.touch()
    except OSError as error:
        msg = f"--json {path} cannot be written ({error.strerror})."
        raise StackError(msg, fix="name a file in a folder that exists and is yours") from error
