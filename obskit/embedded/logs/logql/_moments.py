"""Writes times in Go's layouts, such as ``2006-01-02T15:04:05Z07:00``. The zone is UTC."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["layout"]

_SECOND = 1_000_000_000
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_PIECES: dict[str, Callable[[datetime], str]] = {
    "2006": lambda at: f"{at.year:04d}",
    "06": lambda at: f"{at.year % 100:02d}",
    "January": lambda at: _MONTHS[at.month - 1],
    "Jan": lambda at: _MONTHS[at.month - 1][:3],
    "01": lambda at: f"{at.month:02d}",
    "Monday": lambda at: _DAYS[at.weekday()],
    "Mon": lambda at: _DAYS[at.weekday()][:3],
    "02": lambda at: f"{at.day:02d}",
    "_2": lambda at: f"{at.day:2d}",
    "15": lambda at: f"{at.hour:02d}",
    "03": lambda at: f"{at.hour % 12 or 12:02d}",
    "04": lambda at: f"{at.minute:02d}",
    "05": lambda at: f"{at.second:02d}",
    "PM": lambda at: "PM" if at.hour >= 12 else "AM",  # noqa: PLR2004 - noon
    "pm": lambda at: "pm" if at.hour >= 12 else "am",  # noqa: PLR2004 - noon
    "Z07:00": lambda _at: "Z",
    "Z0700": lambda _at: "Z",
    "-07:00": lambda _at: "+00:00",
    "-0700": lambda _at: "+0000",
    "MST": lambda _at: "UTC",
    "1": lambda at: str(at.month),
    "2": lambda at: str(at.day),
    "3": lambda at: str(at.hour % 12 or 12),
    "4": lambda at: str(at.minute),
    "5": lambda at: str(at.second),
}
_PIECE = re.compile(r"[.,](?:0+|9+)(?!\d)|" + "|".join(re.escape(piece) for piece in _PIECES))


def layout(ts: int, pattern: str) -> str:
    """Return the time *ts*, nanoseconds since 1970, in the layout *pattern*."""
    seconds, fraction = divmod(ts, _SECOND)
    at = datetime.fromtimestamp(seconds, UTC)

    def written(match: re.Match[str]) -> str:
        piece = match[0]
        if piece[0] not in ".,":
            return _PIECES[piece](at)
        digits = f"{fraction:09d}"[: len(piece) - 1]
        if piece[1] == "9":
            digits = digits.rstrip("0")
        return piece[0] + digits if digits else ""

    return _PIECE.sub(written, pattern)
