"""Counters and histograms in Prometheus' text format, with a bound on their series."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

__all__ = ["Counter", "Histogram", "Series"]

Series = tuple[tuple[str, str], ...]
"""The labels of a series, as pairs."""


class Counter:
    """A counter *name*; a series beyond *limit* is not made, and counted in *limited*."""

    def __init__(self, name: str, description: str, limit: int) -> None:
        self._name, self._description, self._limit = name, description, limit
        self._values: dict[Series, float] = {}
        self.limited = 0

    def add(self, series: Series, amount: float = 1.0) -> None:
        """Add *amount* to *series*."""
        if series in self._values:
            self._values[series] += amount
        elif len(self._values) < self._limit:
            self._values[series] = amount
        else:
            self.limited += 1

    def lines(self) -> Iterator[str]:
        """Yield the lines of the page."""
        if self._values:
            yield from _head(self._name, self._description, "counter")
        for series, value in self._values.items():
            yield f"{self._name}{_labels(series)} {_number(value)}"


class Histogram:
    """A histogram *name* with *bounds*; a series beyond *limit* is not made."""

    def __init__(self, name: str, description: str, bounds: Sequence[float], limit: int) -> None:
        self._name, self._description, self._limit = name, description, limit
        self._bounds = bounds
        # Of each series the counts of its buckets, the last without bound, and its sum.
        self._values: dict[Series, tuple[list[int], list[float]]] = {}
        self.limited = 0

    def observe(self, series: Series, value: float) -> None:
        """Count *value* in *series*."""
        found = self._values.get(series)
        if found is None:
            if len(self._values) >= self._limit:
                self.limited += 1
                return
            found = self._values[series] = ([0] * (len(self._bounds) + 1), [0.0])
        counts, total = found
        counts[bisect_left(self._bounds, value)] += 1
        total[0] += value

    def lines(self) -> Iterator[str]:
        """Yield the lines of the page."""
        if self._values:
            yield from _head(self._name, self._description, "histogram")
        bounds = [_labels((("le", bound),))[1:] for bound in (*map(_number, self._bounds), "+Inf")]
        for series, (counts, total) in self._values.items():
            below, labels = 0, _labels(series)
            bucket = f"{self._name}_bucket{labels[:-1]}{',' if series else ''}"
            for bound, count in zip(bounds, counts, strict=True):
                below += count
                yield f"{bucket}{bound} {below}"
            yield f"{self._name}_sum{labels} {_number(total[0])}"
            yield f"{self._name}_count{labels} {below}"


def _head(name: str, description: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {description}"
    yield f"# TYPE {name} {kind}"


def _labels(series: Series) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in series) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
