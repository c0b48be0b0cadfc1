"""Reads a registry for tests: values by name and labels, and how they changed."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Protocol

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample

from obskit import catalog
from obskit.catalog import SERVICE_LABEL, Metric

__all__ = ["CapturedMetrics", "Source"]

_Samples = dict[str, list[Sample]]
_MOST = 20


class Source(Protocol):
    """A registry, or anything else that gives families."""

    def collect(self) -> Iterable[Family]:
        """Give the families as they are now."""


class CapturedMetrics:
    """The metrics of the service, its own ones included."""

    def __init__(self, source: Callable[[], Source]) -> None:
        self._source = source
        self._before: _Samples = {}

    def value(self, metric: str | Metric, **labels: Any) -> float:
        """Return the sum of the series that have *labels*; 0.0 while there are none.

        *metric* is a name as on ``/metrics`` (``..._total``, ``..._count``, ``..._sum``) or an
        entry of :mod:`obskit.catalog`; of a histogram's bare name it is the number of observations.

        Raises:
            AssertionError: there is no such metric, or it has no such label.
        """
        __tracebackhide__ = True
        samples = self._now()
        return self._sum(samples, _checked_name(samples, metric), labels)

    def delta(self, metric: str | Metric, **labels: Any) -> float:
        """Return how much :meth:`value` of *metric* with *labels* changed.

        It counts from where the capture began, or from the last :meth:`mark`.
        """
        __tracebackhide__ = True
        samples = self._now()
        name = _checked_name(samples, metric)
        return self._sum(samples, name, labels) - self._sum(self._before, name, labels)

    def mark(self) -> None:
        """Let :meth:`delta` count from now on."""
        self._before = self._now()

    @property
    def source(self) -> Source:
        """Where the values come from."""
        return self._source()

    def _now(self) -> _Samples:
        samples: _Samples = {}
        for family in self.source.collect():
            for sample in family.samples:
                samples.setdefault(sample.name, []).append(sample)
            # A metric with labels and no series yet is known all the same.
            samples.setdefault(_total(family.name, family.type), [])
        return samples

    def _sum(self, samples: _Samples, name: str, labels: Mapping[str, Any]) -> float:
        __tracebackhide__ = True
        wanted = {key: str(value) for key, value in labels.items() if key != SERVICE_LABEL}
        series = samples.get(name, [])
        known = {key for sample in series for key in sample.labels}
        if series and not wanted.keys() <= known:
            missing = min(wanted.keys() - known)
            has = ", ".join(sorted(known)) or "no labels"
            raise AssertionError(f"the metric {name} has no label {missing!r}; it has {has}.")  # noqa: EM102 - one long text
        return float(sum(sample.value for sample in series if wanted.items() <= sample.labels.items()))


def _total(name: str, kind: str) -> str:
    return {"counter": f"{name}_total", "histogram": f"{name}_count", "summary": f"{name}_count"}.get(
        kind, name
    )


def _checked_name(samples: _Samples, metric: str | Metric) -> str:
    """Return the name of the samples that *metric* stands for."""
    __tracebackhide__ = True
    name = metric.name if isinstance(metric, Metric) else metric
    known = catalog.METRICS.get(name)
    if known is not None and known.type == "histogram" and name not in samples:
        return f"{name}_count"
    if name in samples or known is not None or _is_part_of_histogram(name):
        return name
    for suffix in ("_total", "_count"):
        if f"{name}{suffix}" in samples:
            return f"{name}{suffix}"
    near = get_close_matches(name, {*samples, *catalog.METRICS}, n=3) or sorted(samples)[:_MOST]
    raise AssertionError(f"there is no metric {name!r}; near to it: {', '.join(near)}.")  # noqa: EM102 - one long text


def _is_part_of_histogram(name: str) -> bool:
    family, _, part = name.rpartition("_")
    known = catalog.METRICS.get(family)
    return known is not None and known.type == "histogram" and part in {"count", "sum", "bucket"}
