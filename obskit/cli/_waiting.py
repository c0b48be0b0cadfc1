"""Waits for a condition and shows all the time that it does."""

import time
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console

from obskit.errors import StackError

__all__ = ["wait"]

_T = TypeVar("_T")
_POLL_S = 0.5
_EVERY_S = 10.0
"""Seconds between two signs of life where there is no terminal."""


def wait(
    console: Console, what: str, ask: Callable[[], _T | None], *, timeout_s: float, fix: str
) -> tuple[_T, float]:
    """Ask until the answer is true; return it and the seconds that it took.

    Raises:
        StackError: it is not within *timeout_s*; *fix* says where to look.
    """
    began = time.monotonic()
    spoke = began
    with console.status(what) as status:
        while True:
            answer = ask()
            now = time.monotonic()
            if answer:
                return answer, now - began
            if now - began > timeout_s:
                msg = f"Waited {timeout_s:g} s in vain: {what}."
                raise StackError(msg, fix=fix)
            status.update(f"{what} ({now - began:.0f} s)")
            if not console.is_terminal and now - spoke >= _EVERY_S:
                console.print(f"  ... {what} ({now - began:.0f} s)")
                spoke = now
            time.sleep(_POLL_S)
