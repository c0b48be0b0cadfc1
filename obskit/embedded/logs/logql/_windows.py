"""What a range aggregation makes of the samples in its window."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from obskit.embedded.logs.logql import _ast
from obskit.embedded.logs.logql._samples import Series
from obskit.embedded.logs.logql._units import SECOND

__all__ = ["window_function"]

Window = Callable[[Series, int], float | None]
"""Returns the value at a time in nanoseconds, or None where the window is empty."""

_Aggregate = Callable[[Sequence[int], Sequence[float]], float]


def window_function(aggregation: _ast.RangeAggregation) -> Window:
    """Return the function that gives the value of *aggregation* at a time."""
    interval, offset = aggregation.range.interval, aggregation.range.offset
    counts = aggregation.op in {"count_over_time", "absent_over_time"}
    if aggregation.op == "rate" and aggregation.range.unwrap is None:
        per_second = interval / SECOND
        return _counted(interval, offset, lambda count: count / per_second)
    if counts:
        return _counted(interval, offset, float)
    aggregate = _aggregate(aggregation)

    def value(series: Series, at: int) -> float | None:
        first, last = _bounds(series, at - offset, interval)
        if first == last:
            return None
        return aggregate(series.times[first:last], series.values[first:last])

    return value


def _bounds(series: Series, end: int, interval: int) -> tuple[int, int]:
    return bisect_right(series.times, end - interval), bisect_right(series.times, end)


def _counted(interval: int, offset: int, finish: Callable[[int], float]) -> Window:
    def value(series: Series, at: int) -> float | None:
        first, last = _bounds(series, at - offset, interval)
        return finish(last - first) if last > first else None

    return value


def _aggregate(aggregation: _ast.RangeAggregation) -> _Aggregate:
    seconds = aggregation.range.interval / SECOND
    if aggregation.op in {"rate", "bytes_rate"}:
        return lambda _times, values: sum(values) / seconds
    if aggregation.op == "rate_counter":
        return lambda times, values: _counter_rate(times, values, aggregation.range.interval)
    if aggregation.op == "quantile_over_time":
        quantile = aggregation.parameter or 0.0
        return lambda _times, values: _quantile(quantile, values)
    return _SIMPLE[aggregation.op.removesuffix("_over_time")]


def _most(_times: Sequence[int], values: Sequence[float]) -> float:
    most = values[0]
    for value in values:
        if value > most or math.isnan(most):
            most = value
    return most


def _least(_times: Sequence[int], values: Sequence[float]) -> float:
    least = values[0]
    for value in values:
        if value < least or math.isnan(least):
            least = value
    return least


def _mean(_times: Sequence[int], values: Sequence[float]) -> float:
    mean = 0.0
    for count, value in enumerate(values, start=1):
        if (
            math.isinf(mean)
            and not math.isnan(value)
            and (not math.isinf(value) or (mean > 0) == (value > 0))
        ):
            continue
        mean += value / count - mean / count
    return mean


def _variance(_times: Sequence[int], values: Sequence[float]) -> float:
    mean = total = 0.0
    for count, value in enumerate(values, start=1):
        delta = value - mean
        mean += delta / count
        total += delta * (value - mean)
    return total / len(values)


def _deviation(times: Sequence[int], values: Sequence[float]) -> float:
    variance = _variance(times, values)
    return math.sqrt(variance) if variance >= 0 else math.nan


def _quantile(quantile: float, values: Sequence[float]) -> float:
    if math.isnan(quantile):
        return math.nan
    if not 0 <= quantile <= 1:
        return -math.inf if quantile < 0 else math.inf
    ranked = sorted(values, key=lambda value: (not math.isnan(value), value))
    rank = quantile * (len(ranked) - 1)
    low = max(0, math.floor(rank))
    high = min(len(ranked) - 1, low + 1)
    weight = rank - math.floor(rank)
    return ranked[low] * (1 - weight) + ranked[high] * weight


_SIMPLE: dict[str, _Aggregate] = {
    "bytes": lambda _times, values: float(sum(values)),
    "sum": lambda _times, values: float(sum(values)),
    "avg": _mean,
    "max": _most,
    "min": _least,
    "stdvar": _variance,
    "stddev": _deviation,
    "first": lambda _times, values: values[0],
    "last": lambda _times, values: values[-1],
}


def _counter_rate(times: Sequence[int], values: Sequence[float], interval: int) -> float:
    """Return what Prometheus' rate() would, with Loki's units: it hands nanoseconds to code for milliseconds."""
    if len(values) < 2:  # noqa: PLR2004 - a rate needs two points
        return 0.0
    increase, last = values[-1] - values[0], 0.0
    for value in values:
        if value < last:
            increase += last
        last = value
    sampled = (times[-1] - times[0]) / 1000
    average = sampled / (len(values) - 1)
    to_start = (interval // 1_000_000) / 1000
    if increase > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / increase))
    threshold = average * 1.1
    extrapolated = sampled + (to_start if to_start < threshold else average / 2)
    if threshold <= 0:
        extrapolated += average / 2
    if sampled == 0:
        return math.nan
    return increase * (extrapolated / sampled) / (interval / SECOND)
