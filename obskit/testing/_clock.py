"""A clock that a test holds still, and ids that are the same in every run."""

import itertools
import time
from datetime import UTC, datetime, timedelta

from opentelemetry.sdk.trace.id_generator import IdGenerator

__all__ = ["Clock", "CountingIds"]

_NS = 1_000_000_000


class Clock:
    """The time that log lines and spans are stamped with; the real one until it is set.

    Durations in metrics and access lines stay real: they come from a clock that only counts.
    """

    def __init__(self) -> None:
        self._held: int | None = None

    def set(self, moment: datetime) -> None:
        """Hold the clock at *moment*; it then moves with :meth:`advance` only.

        Raises:
            ValueError: *moment* has no time zone.
        """
        if moment.tzinfo is None:
            msg = f"{moment!r} has no time zone; use datetime(..., tzinfo=UTC)."
            raise ValueError(msg)
        since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        self._held = since // timedelta(microseconds=1) * 1000

    def advance(self, seconds: float) -> None:
        """Move the clock by *seconds*; a running one is held at that moment first."""
        self._held = self.now_ns() + round(seconds * _NS)

    def now_ns(self) -> int:
        """Return the time in Unix nanoseconds."""
        return time.time_ns() if self._held is None else self._held


class CountingIds(IdGenerator):
    """Trace and span ids 1, 2, 3 ...: the same in every run of a test."""

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)

    def generate_trace_id(self) -> int:
        """Return the next trace id."""
        return next(self._traces)

    def generate_span_id(self) -> int:
        """Return the next span id."""
        return next(self._spans)
