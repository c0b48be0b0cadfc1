"""The time range that a page shows, and the steps that its queries take."""

import datetime as dt
import re
import time
from bisect import bisect_left
from dataclasses import dataclass
from itertools import chain

__all__ = ["Window", "WindowError", "rate_interval", "text_of"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}
_RELATIVE = re.compile(r"now(?:-(\d+)([smhdwMy]))?")
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = tuple(
    chain(
        (1, 2, 5, 10, 15, 20, 30),
        (_MINUTE * n for n in (1, 2, 5, 10, 15, 20, 30)),
        (_HOUR * n for n in (1, 2, 3, 6, 12)),
        (_DAY * n for n in (1, 7, 30)),
    )
)
"""Steps that people can read off an axis, in seconds."""


class WindowError(ValueError):
    """A time of a link cannot be read; the text says what is accepted."""


@dataclass(frozen=True, slots=True)
class Window:
    """From *start* to *end*, Unix seconds; *begin* and *until* are how the address says it."""

    start: float
    end: float
    begin: str = ""
    until: str = ""

    @classmethod
    def parse(cls, begin: str, until: str = "now", now: float | None = None) -> "Window":
        """Read two times as Grafana's addresses write them.

        Args:
            begin: ``now-1h``, Unix milliseconds, or RFC 3339.
            until: the same.
            now: Unix seconds; the clock by default.

        Raises:
            WindowError: a time cannot be read, or the range is empty.
        """
        moment = time.time() if now is None else now
        start, end = _seconds(begin, moment), _seconds(until, moment)
        if start >= end:
            msg = f"The time range from {begin!r} to {until!r} is empty; let it begin before it ends."
            raise WindowError(msg)
        return cls(start, end, begin, until)

    @property
    def seconds(self) -> float:
        """The length."""
        return self.end - self.start

    @property
    def follows(self) -> bool:
        """Whether the range ends now, so that it moves on by itself."""
        return self.until.startswith("now")

    def step(self, points: int, least_s: float) -> float:
        """Return the step in seconds that gives about *points* points, never below *least_s*."""
        wanted = max(self.seconds / max(points, 1), least_s)
        if wanted <= 1:
            return max(wanted, 0.1)
        index = bisect_left(_STEPS, wanted)
        return float(_STEPS[index]) if index < len(_STEPS) else wanted

    def aligned(self, step: float) -> "Window":
        """Return the range widened to multiples of *step*, so that equal pages ask equal questions."""
        start, end = self.start // step * step, self.end // step * step
        return Window(start, max(end, start + step), self.begin, self.until)


def _seconds(text: str, now: float) -> float:
    found = _RELATIVE.fullmatch(text)
    if found:
        amount, unit = found.groups()
        return now - (int(amount) * _UNITS[unit] if amount else 0)
    if text.isdecimal():
        return int(text) / 1000
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC).timestamp()
    except ValueError:
        msg = f"{text!r} is no time; write now-1h, Unix milliseconds, or 2026-01-31T12:00:00Z."
        raise WindowError(msg) from None


def rate_interval(step: float, scrape_s: float) -> float:
    """Return what Grafana puts in for ``$__rate_interval``, in seconds: four scrapes at least."""
    return max(step + scrape_s, 4 * scrape_s)


def text_of(seconds: float) -> str:
    """Return *seconds* as a PromQL duration: ``90s``, ``250ms``."""
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{seconds * 1000:.0f}ms"


def duration_s(text: str) -> float:
    """Return the seconds of a Prometheus duration such as ``1m30s``.

    Raises:
        WindowError: it is none.
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(amount + unit for amount, unit in parts) != text:
        msg = f"{text!r} is no duration; write one such as 15s or 1m30s."
        raise WindowError(msg)
    return sum(int(amount) * (0.001 if unit == "ms" else _UNITS[unit]) for amount, unit in parts)
