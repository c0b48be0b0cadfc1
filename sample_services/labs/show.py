"""How a result is shown: a table and a line for people, JSON for machines."""

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sample_services.labs.figures import FIGURES, Spread
from sample_services.labs.frame import Measured, Result

__all__ = ["as_json", "markdown", "show"]

_ALWAYS = ("p50_s", "p95_s", "p99_s", "per_s", "failed", "cpu_s")
_WIDTH = 300


def show(result: Result, board: str) -> None:
    """Print the table and the conclusion; *board* is the address of the board."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    count = len(next(iter(result.measured.values())).repetitions)
    console.print(Text(f"{result.lab.name}: {result.lab.question}", style="bold"))
    console.print(
        f"{result.rate:g} calls a second for {result.seconds:g} s, {count} times each in turn; "
        "median (least to most)\n"
    )
    console.print(_table(result))
    for name, measured in result.measured.items():
        if measured.errors:
            kinds = ", ".join(f"{count} {kind}" for kind, count in measured.errors.most_common())
            console.print(Text(f"Failed calls of {name}: {kinds}"))
    console.print(Text(f"\nConclusion: {result.conclusion}"), soft_wrap=True)
    console.print(Text(f"Board: {board}"))


def as_json(result: Result, board: str) -> dict[str, Any]:
    """Return everything that was measured."""
    return {
        "lab": result.lab.name,
        "question": result.lab.question,
        "rate": result.rate,
        "seconds": result.seconds,
        "order": list(result.order),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "ways": [_way(name, measured) for name, measured in result.measured.items()],
        "finding": dict(result.finding.numbers) if result.finding else None,
        "conclusion": result.conclusion,
        "board": board,
    }


def markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """Return a Markdown table of results as :func:`as_json` gives them: the load, and the conclusion."""
    lines = ["| lab | load | conclusion |", "| --- | --- | --- |"]
    for result in results:
        load = f"{result['rate']:g}/s, {result['seconds']:g} s each"
        lines.append(f"| `{result['lab']}` | {load} | {result['conclusion']} |")
    return "\n".join(lines) + "\n"


def _way(name: str, measured: Measured) -> dict[str, Any]:
    return {
        "name": name,
        "what": measured.way.what,
        "repetitions": measured.repetitions,
        "figures": {
            name: {"least": spread.least, "median": spread.median, "most": spread.most}
            for name, spread in measured.spreads().items()
        },
        "errors": dict(measured.errors),
    }


def _table(result: Result) -> Table:
    spreads = {name: measured.spreads() for name, measured in result.measured.items()}
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("way")
    columns = [name for name in FIGURES if name in _ALWAYS or _has(name, spreads)]
    for name in columns:
        grid.add_column(FIGURES[name].title, justify="right")
    for way, found in spreads.items():
        grid.add_row(Text(way), *(_cell(name, found.get(name)) for name in columns))
    return grid


def _has(name: str, spreads: dict[str, dict[str, Spread]]) -> bool:
    return any(found[name].most for found in spreads.values() if name in found)


def _cell(name: str, spread: Spread | None) -> str:
    if spread is None:
        return "-"
    return FIGURES[name].cell(spread)
