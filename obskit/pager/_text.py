"""How the pager writes times and other people's words."""

from datetime import UTC, datetime
from typing import overload

__all__ = ["ago", "one_line", "printable", "rfc3339", "utc"]

_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@overload
def rfc3339(at: float) -> str: ...
@overload
def rfc3339(at: None) -> None: ...
@overload
def rfc3339(at: float | None) -> str | None: ...
def rfc3339(at: float | None) -> str | None:
    """Return Unix seconds as RFC 3339 in UTC with milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc(at: float) -> str:
    """Return Unix seconds for people: ``2026-03-01 03:12:07 UTC``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(seconds: float) -> str:
    """Return a span of time in its two largest units: ``2 h 5 min``."""
    rest, parts = max(0, round(seconds)), []
    for size, unit in _STEPS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def printable(text: str) -> str:
    """Replace what would steer a terminal: control and format characters, except line ends and tabs."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def one_line(text: str, limit: int = 500) -> str:
    """Return *text* on one line without control characters, cut at *limit* characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
