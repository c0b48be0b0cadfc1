"""What Prometheus and the log store answer, as series of points, and their names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from obskit.console._sources import Source, SourceError
from obskit.console._window import Window

__all__ = ["Exemplar", "Series", "exemplars", "instant", "matrix", "named"]

_LABEL = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: Unix seconds and values, of the same length."""

    labels: Mapping[str, str]
    times: Sequence[float]
    values: Sequence[float]
    name: str = ""
    ref: str = ""
    """``refId`` of the target that asked for it."""

    @property
    def last(self) -> float | None:
        """The last value, or None without any."""
        return self.values[-1] if self.values else None


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One measured request: when, how much, and its trace."""

    at: float
    value: float
    trace_id: str
    labels: Mapping[str, str] = field(default_factory=dict)


async def matrix(source: Source, expr: str, window: Window, step: float) -> list[Series]:
    """Return the series of a range query; a gap in the samples becomes a NaN.

    Raises:
        SourceError: the source cannot be reached or refuses the query.
    """
    params = (("query", expr), ("start", _at(window.start)), ("end", _at(window.end)), ("step", f"{step:g}"))
    data = _data(await source.get(_api(source, "query_range"), params, fresh_s=step))
    return [_with_gaps(item["metric"], item["values"], step) for item in data.get("result", ())]


async def instant(source: Source, expr: str, at: float) -> list[Series]:
    """Return each series of a query at one moment, with its one point.

    Raises:
        SourceError: the source cannot be reached or refuses the query.
    """
    data = _data(await source.get(_api(source, "query"), (("query", expr), ("time", _at(at)))))
    result = data.get("result", ())
    if data.get("resultType") == "scalar":
        return [Series({}, [float(result[0])], [float(result[1])])]
    return [
        Series(item["metric"], [float(item["value"][0])], [float(item["value"][1])])
        for item in result
        if "value" in item
    ]


async def exemplars(source: Source, expr: str, window: Window) -> list[Exemplar]:
    """Return the exemplars behind a query of Prometheus.

    Raises:
        SourceError: Prometheus cannot be reached or refuses the query.
    """
    params = (("query", expr), ("start", _at(window.start)), ("end", _at(window.end)))
    data = _data(await source.get("/api/v1/query_exemplars", params, fresh_s=5))
    return [
        Exemplar(
            float(each["timestamp"]), float(each["value"]), each["labels"]["trace_id"], item["seriesLabels"]
        )
        for item in data
        for each in item["exemplars"]
        if "trace_id" in each["labels"]
    ]


def named(series: Series, legend: str | None) -> str:
    """Return the name of *series*: *legend* with its labels filled in, or all its labels."""
    if not legend or legend == "__auto":
        labels = {name: value for name, value in series.labels.items() if name != "__name__"}
        inner = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
        metric = series.labels.get("__name__", "")
        return metric + (f"{{{inner}}}" if inner else "") or "Value"
    return _LABEL.sub(lambda found: series.labels.get(found.group(1), ""), legend)


def _api(source: Source, verb: str) -> str:
    return f"/loki/api/v1/{verb}" if source.name == "The log store" else f"/api/v1/{verb}"


def _at(seconds: float) -> str:
    return f"{seconds:.3f}"


def _data(answer: Any) -> Any:
    if not isinstance(answer, Mapping) or answer.get("status") != "success":
        msg = f"The source answered {str(answer)[:100]!r} instead of data."
        raise SourceError(msg, "Check that this is the right address.")
    return answer["data"]


def _with_gaps(labels: Mapping[str, str], points: Sequence[Sequence[Any]], step: float) -> Series:
    times: list[float] = []
    values: list[float] = []
    for at, value in points:
        if times and at - times[-1] > step * 1.5:
            times.append(times[-1] + step)
            values.append(float("nan"))
        times.append(float(at))
        values.append(float(value))
    return Series(labels, times, values)
