"""What is measured of each way: the figures, how they are shown, and when two differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["FIGURES", "Figure", "Spread", "spread_of"]

_KILO = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number: its heading, its unit, and its meaning in one sentence."""

    title: str
    unit: str
    meaning: str

    def shown(self, value: float) -> str:
        """Return *value* for people, with its unit."""
        factor, unit = self._scale(value)
        return f"{_three_digits(value * factor)} {unit}".strip()

    def range(self, spread: "Spread") -> str:
        """Return the least and the most of *spread* for people, in one unit."""
        factor, unit = self._scale(spread.most)
        least, most = (_three_digits(value * factor) for value in (spread.least, spread.most))
        return f"{least} to {most} {unit}".strip()

    def cell(self, spread: "Spread") -> str:
        """Return the median of *spread*, and its range where the values differ."""
        factor, unit = self._scale(spread.most)
        least, middle, most = (
            _three_digits(value * factor) for value in (spread.least, spread.median, spread.most)
        )
        return f"{middle} {unit}".strip() + (f" ({least} to {most})" if least != most else "")

    def _scale(self, value: float) -> tuple[float, str]:
        if self.unit == "s":
            return (_KILO, "ms") if value < 1 else (1, "s")
        if self.unit == "bytes":
            return (1 / _KILO, "kB") if value >= _KILO else (1, "B")
        return 1, self.unit


FIGURES: Mapping[str, Figure] = {
    "p50_s": Figure("p50", "s", "What half of the callers wait at most, counted from when the call was due."),
    "p95_s": Figure("p95", "s", "What 95 of 100 callers wait at most."),
    "p99_s": Figure("p99", "s", "What 99 of 100 callers wait at most."),
    "per_s": Figure(
        "calls/s", "", "Calls that ended well, for each second from the first to the last answer."
    ),
    "failed": Figure("failed", "", "Calls that got an error, or no answer."),
    "cpu_s": Figure(
        "CPU a call", "s", "Processor time of the processes that the lab starts; without any, of its own."
    ),
    "queries": Figure("queries a call", "", "Database statements and commits."),
    "messages": Figure("messages a call", "", "Messages published to the broker."),
    "bytes": Figure("bytes a call", "bytes", "Size of the answer's body, as it is sent."),
    "attempts": Figure("attempts a call", "", "Requests that the dependency gets for one call of the load."),
    "done_p95_s": Figure("done p95", "s", "Until the work of a call is done, answered or not."),
    "work_per_s": Figure("mails/s", "", "Mails handed to the provider, for each second until the last one."),
}
"""Every figure by its name in the JSON."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over the repetitions."""

    least: float
    median: float
    most: float

    def overlaps(self, other: "Spread") -> bool:
        """Tell whether the two have values in common: then the repetitions do not tell them apart."""
        return self.least <= other.most and other.least <= self.most


def spread_of(values: Sequence[float]) -> Spread:
    """Return the spread of *values*, of which there is at least one."""
    return Spread(min(values), median(values), max(values))


def _three_digits(value: float) -> str:
    if value == int(value) and abs(value) < _KILO:
        return str(int(value))
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2  # noqa: PLR2004 - three digits in all
    return f"{value:,.{digits}f}".replace(",", " ")
