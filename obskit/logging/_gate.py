"""Which lines are left out on purpose: events that come too often, and info lines of traces not chosen."""

import time
from collections.abc import Callable

__all__ = ["Gate"]

_EVENTS = 1000
_HALF = 1 << 64
_LOW_DIGITS = 16


class Gate:
    """Lets a line through, or leaves it out and counts it in *left_out*.

    Errors always go through. Of the other lines:

    1. an event goes through *rate* times a second at most; its next line says in
       ``held_back`` how many were left out. 0 is no limit.
    2. debug and info lines of a trace go through if its id is in the chosen fraction
       *sample*: all of a trace or none, and the same ones in every service, and the same
       that OpenTelemetry's ``traceidratio`` chooses. Lines outside a trace go through.
    """

    def __init__(
        self,
        rate: float,
        sample: float,
        left_out: dict[str, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._bound = round(sample * _HALF)
        self._left_out = left_out
        self._clock = clock
        self._events: dict[str, list[float]] = {}

    def holds_back(self, event: str, ids: tuple[str, str] | None, *, routine: bool) -> int | None:
        """Return None to leave the line out, else how many lines of *event* were before it.

        *routine* lines are those of debug and info.
        """
        if routine and ids is not None and int(ids[0][_LOW_DIGITS:], 16) >= self._bound:
            self._left_out["sample"] += 1
            return None
        return self._in_time(event) if self._rate else 0

    def _in_time(self, event: str) -> int | None:
        now = self._clock()
        seen = self._events.get(event)
        if seen is None:
            if len(self._events) >= _EVENTS:  # texts with ids in them
                self._events.clear()
            seen = self._events[event] = [now, 0, 0]
        elif now >= seen[0] + 1:
            seen[0], seen[1] = now, 0
        if seen[1] >= self._rate:
            seen[2] += 1
            self._left_out["rate"] += 1
            return None
        seen[1] += 1
        held, seen[2] = seen[2], 0
        return int(held)
