"""Rewrites the durations of a PromQL expression and leaves every other byte alone.

promql-parser prints an expression back too, but not faithfully: it drops comments and
layout, and turns ``x[1h:]`` into ``x[1h]``. So the text is cut into tokens here, and the
tests hold the cutting against that parser's syntax tree.
"""

import re
from collections.abc import Callable, Iterator

from obskit.rules._durations import DURATION, format_duration, parse_duration

__all__ = ["TOKEN", "rescale_promql"]

Rescale = Callable[[int], int]
"""Takes milliseconds and returns milliseconds."""

TOKEN = re.compile(
    r"""
    (?P<skip>\#[^\n]* | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*` | \s+ )
  | (?P<range>\[[^\]]*\])
  | (?P<word>[A-Za-z_:][\w:]*)
  | (?P<number>\d[\w.]*)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
"""The parts of an expression: what is skipped, ranges in brackets, words, numbers, the rest."""
_RANGE = re.compile(
    rf"\[(?P<before>\s*)(?P<range>{DURATION})(?:(?P<colon>\s*:\s*)(?P<step>{DURATION}))?(?P<after>\s*)\]"
)


def rescale_promql(expression: str, *, window: Rescale, shift: Rescale) -> str:
    """Return *expression* with *window* applied to each range and *shift* to each offset and step.

    Everything else keeps its bytes: strings, comments, numbers, names.

    Raises:
        ValueError: a range or an offset is not a plain duration, so its scale is not known.
    """
    return "".join(_rewritten(expression, window, shift))


def _rewritten(expression: str, window: Rescale, shift: Rescale) -> Iterator[str]:
    after_offset = False
    for token in TOKEN.finditer(expression):
        text, kind = token.group(), token.lastgroup
        if kind == "range":
            yield _rewritten_range(text, window, shift)
        elif kind == "number" and after_offset:
            yield format_duration(shift(parse_duration(text)))
        else:
            yield text
        after_offset = _expects_offset(kind, text, before=after_offset)


def _expects_offset(kind: str | None, text: str, *, before: bool) -> bool:
    if kind == "word":
        return text.lower() == "offset"
    return before and (kind == "skip" or text in "+-")


def _rewritten_range(text: str, window: Rescale, shift: Rescale) -> str:
    match = _RANGE.fullmatch(text)
    if match is None or not match["range"]:
        msg = f"the range {text} is not a plain duration; write it like [5m] or [1h:1m]"
        raise ValueError(msg)
    scaled = format_duration(window(parse_duration(match["range"])))
    step = format_duration(shift(parse_duration(match["step"]))) if match["step"] else ""
    return f"[{match['before']}{scaled}{match['colon'] or ''}{step}{match['after']}]"
