"""What the demo prints."""

from typing import Any

from rich.console import Console
from rich.table import Table

from obskit.cli._demo._measure import MODES, Measured
from obskit.cli._demo._story import FaultResult, Result
from obskit.cli._faults import find
from obskit.cli._output import print_lines
from obskit.cli._page import as_page

__all__ = ["announce", "show_comparison", "show_fault", "show_orders", "show_resolved"]

_COLUMNS = ("orders/s", "errors", "p50", "p95", "p99", "done p95")


def announce(text: str) -> None:
    """Print the heading of a part."""
    print_lines("", f"== {text}")


def show_comparison(result: Result) -> None:
    """Print what the caller saw in each mode while nothing was broken."""
    announce(f"Sync and async, {result.window_s} s of {result.rate:g} orders/s")
    _table(result.comparison)
    print_lines(
        "A sync order is done when it is answered. An async one is accepted first (p50 to p99) and done later.",
        f"Rules run {result.time_scale:g} times faster than in production: the 1h of a page below is "
        f"{3600 / result.time_scale:.0f} s here.",
    )


def show_fault(result: FaultResult) -> None:
    """Print what the fault did and the page that came of it."""
    fault = find(result.name)
    announce(f"Fault {result.name} at {result.level} %: {fault.sentence}")
    _table({"sync": result.sync, "async": result.async_})
    print_lines(
        f"{result.alert} fired after {result.fired_after_s:g} s, the page was open after {result.paged_after_s:g} s:",
        "",
        *(f"  | {line}" for line in as_page(result.incident)),
    )


def show_resolved(result: FaultResult) -> None:
    """Print how the fault ended."""
    print_lines(
        "", f"{result.name} is off; {result.incident_id} resolved after {result.resolved_after_s:g} s."
    )


def show_orders(result: Result) -> None:
    """Print what became of the async orders."""
    counts = dict(result.orders)
    accepted = counts.pop("accepted")
    ends = ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "none"
    announce(f"Of {accepted} async orders accepted through both faults: {ends}")


def _table(rows: dict[str, Measured]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=100)
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("mode")
    for column in _COLUMNS:
        grid.add_column(column, justify="right")
    for mode in MODES:
        grid.add_row(mode, *_cells(rows[mode], is_sync=mode == "sync"))
    console.print(grid)


def _cells(measured: Measured, *, is_sync: bool) -> list[str]:
    done = "as answered" if is_sync else _time(measured.done_p95_s)
    times = [_time(value) for value in (measured.p50_s, measured.p95_s, measured.p99_s)]
    return [_number(measured.rate, "{:.1f}"), _number(measured.error_ratio, "{:.1%}"), *times, done]


def _number(value: Any, form: str) -> str:
    return "-" if value is None else form.format(value)


def _time(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.0f} ms"
