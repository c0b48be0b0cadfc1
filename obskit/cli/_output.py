"""What commands print: results on stdout, progress and errors on stderr."""

import sys
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["print_json", "print_lines", "progress_console", "seconds", "table"]

_MINUTE_S = 60
_HOUR_S = 3600


def progress_console() -> Console:
    """Return the console for progress; it is on stderr, so that results can be piped."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print *value* as indented JSON."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def print_lines(*lines: str) -> None:
    """Print *lines* as they are, without what would steer the terminal."""
    sys.stdout.write("".join(f"{_printable(line)}\n" for line in lines))


def table(columns: list[str], rows: list[list[str]]) -> None:
    """Print a table; on a pipe it is as wide as it needs to be."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=240)
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_printable(cell)) for cell in row))
    console.print(grid)


def _printable(text: str) -> str:
    """Replace control characters: titles and outputs are other people's words."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def seconds(value: float | None) -> str:
    """Return a duration in seconds for people, such as ``4 s`` or ``2 h 5 m``."""
    if value is None:
        return "-"
    if value < _MINUTE_S:
        return f"{value:.0f} s"
    if value < _HOUR_S:
        return f"{value // _MINUTE_S:.0f} m {value % _MINUTE_S:.0f} s"
    return f"{value // _HOUR_S:.0f} h {value % _HOUR_S // _MINUTE_S:.0f} m"
