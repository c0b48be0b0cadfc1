"""Reads the parameters of Loki's API, with its defaults and its complaints."""

import math
import re
import time
from dataclasses import dataclass

from starlette.datastructures import ImmutableMultiDict

from obskit.embedded.logs._errors import QueryError
from obskit.embedded.logs._records import timestamp_ns
from obskit.embedded.logs.logql import duration_text, prometheus_duration

__all__ = ["Bounds", "Params", "RangeParams"]

MAX_LIMIT = 5_000
MAX_POINTS = 11_000
MAX_LENGTH_NS = 721 * 3600 * 1_000_000_000
_SECOND = 1_000_000_000
_DEFAULT_LIMIT = 100
_HOUR = 3600 * _SECOND
_INTEGER = re.compile(r"[+-]?\d+")
_MOST_DIGITS = 10
_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Bounds:
    """A time range in nanoseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RangeParams:
    """What ``query_range`` was asked."""

    query: str
    bounds: Bounds
    limit: int
    newest_first: bool
    step: int
    interval: int

    def aligned(self) -> Bounds:
        """Return the bounds of a metric query: Loki moves them out to whole steps."""
        end = self.bounds.end + (-self.bounds.end) % self.step
        return Bounds(self.bounds.start - self.bounds.start % self.step, end)


class Params:
    """The parameters of one request."""

    def __init__(self, given: "ImmutableMultiDict[str, str]", now_ns: int | None = None) -> None:
        self._given = given
        self._now = time.time_ns() if now_ns is None else now_ns

    def text(self, name: str) -> str:
        """Return a parameter, which is empty where it was not given."""
        values = self._given.getlist(name)
        return values[0] if values else ""

    def all(self, *names: str) -> list[str]:
        """Return every value of some parameters, once and sorted."""
        return sorted({value for name in names for value in self._given.getlist(name)})

    def range(self) -> RangeParams:
        """Return what ``query_range`` was asked.

        Raises:
            QueryError: a parameter cannot be used; the text is Loki's.
        """
        bounds = self.bounds()
        limit, newest_first = self.limit(), self._newest_first()
        step = self._step(bounds)
        if step <= 0:
            msg = "zero or negative query resolution step widths are not accepted. Try a positive integer"
            raise QueryError(msg)
        if (bounds.end - bounds.start) // step > MAX_POINTS:
            msg = (
                "exceeded maximum resolution of 11,000 points per time series. "
                "Try increasing the value of the step parameter"
            )
            raise QueryError(msg)
        interval = self._duration("interval", 0)
        if interval < 0:
            msg = "interval must be >= 0"
            raise QueryError(msg)
        self._check_length(bounds)
        return RangeParams(self.text("query"), bounds, limit, newest_first, step, interval)

    def _check_length(self, bounds: Bounds) -> None:
        length = bounds.end - bounds.start
        if length > MAX_LENGTH_NS:
            msg = (
                f"the query time range exceeds the limit (query length: {_go_text(length)}, "
                f"limit: {duration_text(MAX_LENGTH_NS)})"
            )
            raise QueryError(msg)

    def bounds(self) -> Bounds:
        """Return ``start`` and ``end``; the default is the last hour, or ``since``.

        Raises:
            QueryError: as :meth:`range`.
        """
        since = _HOUR
        if self.text("since"):
            since = _read("since", self.text("since"))
        end = self._time("end", self._now)
        start = self._time("start", min(end, self._now) - since)
        if end < start:
            msg = "end timestamp must not be before or equal to start time"
            raise QueryError(msg)
        return Bounds(start, end)

    def at(self) -> int:
        """Return ``time`` in nanoseconds; the default is now.

        Raises:
            QueryError: as :meth:`range`.
        """
        return self._time("time", self._now, named=False)

    def limit(self) -> int:
        """Return ``limit``.

        Raises:
            QueryError: as :meth:`range`.
        """
        text = self.text("limit")
        if text and not _INTEGER.fullmatch(text):
            msg = f'strconv.Atoi: parsing "{text[:40]}": invalid syntax'
            raise QueryError(msg)
        if len(text) > 20 or abs(int(text or 0)) > _MOST:  # noqa: PLR2004 - 64 bits
            msg = f'strconv.Atoi: parsing "{text[:40]}": value out of range'
            raise QueryError(msg)
        limit = int(text) if text else _DEFAULT_LIMIT
        if limit <= 0:
            msg = "limit must be a positive value"
            raise QueryError(msg)
        return limit

    def _newest_first(self) -> bool:
        text = self.text("direction")
        if text.upper() not in {"", "FORWARD", "BACKWARD"}:
            msg = f"invalid direction '{text[:40]}'"
            raise QueryError(msg)
        return text.upper() != "FORWARD"

    def _step(self, bounds: Bounds) -> int:
        default = max((bounds.end - bounds.start) // (250 * _SECOND), 1) * _SECOND
        return self._duration("step", default)

    def _duration(self, name: str, default: int) -> int:
        text = self.text(name)
        if not text:
            return default
        try:
            seconds = float(text)
        except ValueError:
            try:
                return prometheus_duration(text)
            except ValueError as error:
                msg = f'cannot parse "{text[:40]}" to a valid duration'
                raise QueryError(msg) from error
        if math.isnan(seconds) or abs(seconds * _SECOND) > _MOST:
            msg = f'cannot parse "{text[:40]}" to a valid duration. It overflows int64'
            raise QueryError(msg)
        return int(seconds * _SECOND)

    def _time(self, name: str, default: int, *, named: bool = True) -> int:
        text = self.text(name)
        if not text:
            return default
        ts = _moment(text)
        if ts is None or not _LEAST <= ts <= _MOST:
            prefix = f"could not parse '{name}' parameter: " if named else ""
            msg = f'{prefix}strconv.ParseInt: parsing "{text[:40]}": invalid syntax'
            raise QueryError(msg)
        return ts


def _read(name: str, text: str) -> int:
    try:
        return prometheus_duration(text)
    except ValueError as error:
        msg = f"could not parse '{name}' parameter: {error}"
        raise QueryError(msg) from error


def _moment(text: str) -> int | None:
    """Return a time given in seconds, nanoseconds or as RFC 3339, in nanoseconds."""
    if "." in text:
        try:
            fraction, seconds = math.modf(float(text))
        except ValueError:
            return timestamp_ns(text)
        if not math.isfinite(seconds):
            return None
        return int(seconds) * _SECOND + round(round(fraction, 3) * _SECOND)
    if _INTEGER.fullmatch(text) and len(text) <= 20:  # noqa: PLR2004 - 64 bits
        return int(text) * _SECOND if len(text) <= _MOST_DIGITS else int(text)
    return timestamp_ns(text)


def _go_text(nanoseconds: int) -> str:
    seconds = nanoseconds / _SECOND
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{int(hours)}h{int(minutes)}m{left:g}s"
