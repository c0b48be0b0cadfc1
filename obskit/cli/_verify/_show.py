"""What ``obskit fault verify`` prints."""

from collections.abc import Sequence

from rich.console import Console

from obskit.cli._output import print_lines, table
from obskit.cli._verify._check import CHECKS, Check, RowResult

__all__ = ["announce", "show_rows"]

_MARKS = {True: "ok", False: "FAILED"}


def announce(console: Console, row: RowResult, number: int, total: int) -> None:
    """Print the row that is done, and each check that failed."""
    console.print(f"{number}/{total}  {row.id}  {_MARKS[row.passed]}  {row.seconds:g} s", markup=False)
    for name, check in row.checks.items():
        if not check.passed:
            console.print(f"       {name}: {check.said}", markup=False, soft_wrap=True)


def show_rows(rows: Sequence[RowResult]) -> None:
    """Print one line a row, with the seconds until each thing was seen, and the median row."""
    table(["fault", *CHECKS, "whole"], [_cells(row) for row in rows])
    times = sorted(row.seconds for row in rows)
    passed = sum(row.passed for row in rows)
    print_lines("", f"{passed} of {len(rows)} passed, median {times[len(times) // 2]:g} s a row")


def _cells(row: RowResult) -> list[str]:
    return [row.id, *(_cell(row.checks.get(name)) for name in CHECKS), f"{row.seconds:g} s"]


def _cell(check: Check | None) -> str:
    if check is None:
        return "-"
    if not check.passed:
        return "FAILED"
    return "ok" if check.after_s is None else f"{check.after_s:g} s"
