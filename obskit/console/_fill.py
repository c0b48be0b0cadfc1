"""Fills the variables of a board into its queries and links, as Grafana does."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from obskit.console._window import Window, rate_interval, text_of

__all__ = ["ALL", "Single", "Values", "fill", "times"]

ALL = "$__all"
"""Grafana's value of a variable of which all is chosen."""


class Single(tuple[str, ...]):
    """The value of a variable that has one at a time: queries compare with it by ``=``, not by a pattern."""

    __slots__ = ()


Values = Mapping[str, str | tuple[str, ...]]
"""A text is filled in as it stands, several chosen values in the format that the place asks for."""
_NAME = re.compile(r"\$\{([\w.]+(?:\[\"[^\"]*\"\])?)(?::(\w+))?\}|\$(\w+)|\[\[(\w+)\]\]")
_META = re.compile(r"[.*+?^${}()|\[\]\\]")


def _as_regex(values: Sequence[str]) -> str:
    # For a regular expression inside a string in quotes, as queries have it.
    escaped = [_META.sub(lambda found: "\\\\" + found.group(), value).replace('"', '\\"') for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _as_text(values: Sequence[str]) -> str:
    return ",".join(values).replace("\\", "\\\\").replace('"', '\\"')


_FORMATS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "regex": _as_regex,
    "text": _as_text,
    "pipe": "|".join,
    "csv": ",".join,
    "raw": ",".join,
    "json": lambda values: json.dumps(list(values)),
    "percentencode": lambda values: quote(",".join(values), safe=""),
}


def _as_parameters(name: str, value: str | tuple[str, ...]) -> str:
    """Return what an address says of a variable: ``var-service=a&var-service=b``."""
    chosen = (ALL if value else "",) if isinstance(value, str) else value
    return "&".join(f"var-{quote(name, safe='')}={quote(each, safe='')}" for each in chosen)


def fill(text: str, values: Values) -> str:
    """Return *text* with each ``$name``, ``${name}``, ``${name:format}`` and ``[[name]]`` filled in.

    A name that *values* does not have stays as it is: it is the text's own.
    """

    def put(found: re.Match[str]) -> str:
        name = found.group(1) or found.group(3) or found.group(4)
        if name not in values:
            return found.group()
        value = values[name]
        if found.group(2) == "queryparam":
            return _as_parameters(name, value)
        if isinstance(value, str):
            return value
        own = "text" if isinstance(value, Single) else "regex"
        return _FORMATS.get(found.group(2) or own, _as_text)(value) if value else ""

    return _NAME.sub(put, text)


def times(window: Window, step: float, scrape_s: float) -> dict[str, str]:
    """Return the built-in variables of a query over *window* with *step* seconds between points."""
    return {
        "__interval": text_of(step),
        "__interval_ms": f"{step * 1000:.0f}",
        "__rate_interval": text_of(rate_interval(step, scrape_s)),
        "__range": text_of(round(window.seconds)),
        "__range_s": f"{window.seconds:.0f}",
        "__range_ms": f"{window.seconds * 1000:.0f}",
        "__from": f"{window.start * 1000:.0f}",
        "__to": f"{window.end * 1000:.0f}",
    }
