"""Shows how far the processes are: live on a terminal, one line a change elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from obskit.stack import ProcessRecord, Report

__all__ = ["changes", "shown"]

_STYLES = {"ready": "green", "failed": "red", "restarting": "yellow", "unready": "yellow", "stopped": "dim"}


_TROUBLED = {"restarting", "failed"}


@contextmanager
def shown(console: Console, *, assumed: str = "") -> Iterator[Report]:
    """Give a report that shows the processes while the block runs; see :func:`changes`."""
    if not console.is_terminal:
        yield changes(console, assumed=assumed)
        return
    with Live(console=console, refresh_per_second=10) as live:
        yield lambda records: live.update(_grid(records))


def changes(console: Console, *, assumed: str = "") -> Report:
    """Return a report that prints a line whenever the state of a process changes.

    A process that is first seen in the state *assumed* is no news.
    """
    started = time.monotonic()
    known: dict[str, str] = {}

    def report(records: Sequence[ProcessRecord]) -> None:
        for record in records:
            if known.get(record.name, assumed) != record.state:
                known[record.name] = record.state
                console.print(_line(record, time.monotonic() - started), markup=False, soft_wrap=True)

    return report


def _line(record: ProcessRecord, after_s: float) -> str:
    why = f" ({record.last_exit})" if record.last_exit and record.state in _TROUBLED else ""
    return f"{after_s:6.1f} s  {record.name} {record.state}{why}"


def _grid(records: Sequence[ProcessRecord]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for record in records:
        is_settled = record.state in {"ready", "failed", "stopped"}
        mark = Text("✓" if record.state != "failed" else "✗") if is_settled else Spinner("dots")
        state = Text(record.state, style=_STYLES.get(record.state, ""))
        where = Text(f":{record.port}" if record.port else "", style="dim")
        why = record.last_exit if record.state in _TROUBLED else ""
        grid.add_row(mark, Text(record.name), where, state, Text(why, style="dim"))
    return grid
