"""Starts the native stack for a command, stays with it, and ends it: what ``up`` and ``demo`` share."""

import functools
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from obskit import stack
from obskit.cli._output import progress_console
from obskit.cli._progress import changes, shown

__all__ = ["end", "interruptible", "start", "stay", "urls"]

_LOOK_S = 1.0


def start(
    home: stack.Home,
    *,
    ports: Mapping[str, int],
    time_scale: float,
    is_owner: bool,
    stores: stack.Stores | None = None,
    project: stack.Project | None = None,
) -> stack.StackRecord:
    """Start the native stack in *home*, show its progress, and return when it is ready.

    Logs and traces go to *stores*, else to the embedded ones. The services of *project* run in the
    place of the samples, or beside them. With *is_owner* the stack ends when this process does, even by SIGKILL.

    Raises:
        StackError: it cannot be started; nothing is left running.
    """
    owner = stack.identify(os.getpid()) if is_owner else None
    make_plan = functools.partial(
        stack.native_plan, home, ports=ports, time_scale=time_scale, owner=owner, stores=stores
    )
    if project is not None:
        make_plan = functools.partial(make_plan, project=project)
    with interruptible(), shown(progress_console()) as report:
        return stack.up(home, make_plan, report=report)


def stay(home: stack.Home) -> None:
    """Print what changes in the stack until it is ended from elsewhere, or until Ctrl-C.

    Raises:
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP.
    """
    report = changes(progress_console(), assumed="ready")
    with interruptible():
        while (status := stack.status(home)).is_running:
            report(status.processes)
            time.sleep(_LOOK_S)


def end(home: stack.Home, *, wipe: bool = False) -> bool:
    """End the stack in *home* and show it; gives False when none ran. Ctrl-C does not cut it short."""
    with stack.uninterrupted(), shown(progress_console(), assumed="ready") as report:
        return stack.down(home, wipe=wipe, report=report)


def urls(record: stack.StackRecord) -> list[str]:
    """Return a line for each process that has an address for people; the console, where to begin, is first."""
    rows = sorted(record.processes, key=lambda row: row.name != "console")
    return [f"{row.name:<14}{row.url}" for row in rows if row.url]


@contextmanager
def interruptible() -> Iterator[None]:
    """Treat SIGTERM and a closed terminal like Ctrl-C inside the block."""
    before = {number: signal.signal(number, _interrupt) for number in stack.STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
