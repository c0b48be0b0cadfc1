"""Durations as Prometheus and Alertmanager write them: ``5m``, ``1h30m``, ``1s500ms``."""

import re

__all__ = ["DURATION", "format_duration", "parse_duration"]

_UNITS_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
# Each unit once at most and the largest first, as both programs demand.
DURATION = "".join(rf"(?:\d+{unit})?" if unit != "m" else r"(?:\d+m(?!s))?" for unit in _UNITS_MS)
"""A regular expression for a duration; it matches the empty text too."""

_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_WHOLE = re.compile(DURATION)
# Years and weeks are left out: Prometheus reads 7d everywhere, and people do too.
_WRITTEN = ("d", "h", "m", "s", "ms")


def parse_duration(text: str) -> int:
    """Return the milliseconds of a duration such as ``1h30m``.

    Raises:
        ValueError: the text is not a duration; says what is accepted.
    """
    if text == "0":
        return 0
    if not text or not _WHOLE.fullmatch(text):
        msg = f"{text!r} is not a duration; write it like 30s, 5m or 1h30m"
        raise ValueError(msg)
    return sum(int(number) * _UNITS_MS[unit] for number, unit in _PART.findall(text))


def format_duration(milliseconds: int) -> str:
    """Return a duration that Prometheus and Alertmanager accept, such as ``1m30s``."""
    parts = []
    rest = milliseconds
    for unit in _WRITTEN:
        count, rest = divmod(rest, _UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
