"""Numbers on the command lines of processes that run without the command-line tool."""

from collections.abc import Callable
from typing import TypeVar

__all__ = ["within"]

N = TypeVar("N", int, float)


def within(kind: Callable[[str], N], least: float, most: float) -> Callable[[str], N]:
    """Return a ``type`` for argparse: a number of *kind* from *least* to *most*, else an error that says so."""

    def parse(text: str) -> N:
        number = kind(text)
        if not least <= float(number) <= most:
            raise ValueError(text)
        return number

    parse.__name__ = f"number from {least:g} to {most:g}"  # argparse: "invalid number from ... value"
    return parse
