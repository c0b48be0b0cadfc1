"""What the load generator reports: counts and latencies of each journey, in bounded memory."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Latencies", "Tally"]

_GROWTH = 1.01
_LEAST_S = 1e-6


class Latencies:
    """A histogram whose bounds grow by 1 %: quantiles are right to 1 %, however long the run."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._max_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one latency."""
        self._counts[math.ceil(math.log(max(seconds, _LEAST_S), _GROWTH))] += 1
        self._max_s = max(self._max_s, seconds)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._counts.total()

    def quantile(self, share: float) -> float | None:
        """Return the latency in seconds that *share* of all stay within, or None without any."""
        wanted = math.ceil(share * self._counts.total())
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= wanted:
                return round(min(_GROWTH**index, self._max_s), 6)
        return None

    def summary(self) -> dict[str, float | None]:
        """Return p50, p95, p99 and the maximum, in seconds."""
        quantiles = {f"p{share}_s": self.quantile(share / 100) for share in (50, 95, 99)}
        return {**quantiles, "max_s": round(self._max_s, 6) if self._counts else None}


@dataclass(slots=True)
class Tally:
    """The counts of one journey.

    *from_schedule* starts at the moment a call was due, *from_send* when it was sent: they
    differ when the generator could not keep up, and only the first is what callers would feel.
    """

    sent: int = 0
    ok: int = 0
    dropped: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    from_schedule: Latencies = field(default_factory=Latencies)
    from_send: Latencies = field(default_factory=Latencies)

    def summary(self) -> dict[str, Any]:
        """Return the figures of this journey as the JSON summary has them."""
        errors = self.errors.total()
        return {
            "sent": self.sent,
            "ok": self.ok,
            "errors": errors,
            "errors_by_kind": dict(self.errors),
            "unanswered": self.sent - self.ok - errors,
            "dropped": self.dropped,
            **self.from_schedule.summary(),
            "from_send": self.from_send.summary(),
        }
