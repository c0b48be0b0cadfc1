"""Shows counts that other parts keep as plain integers, read at scrape time only."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from obskit.catalog import Metric

__all__ = ["Counts"]


class Counts(Collector):
    """A counter whose values come from *read*: label values to count.

    The hot path then pays for a plain ``+= 1`` and not for a metric's lock.
    """

    def __init__(self, metric: Metric, read: Callable[[], Mapping[tuple[str, ...], float]]) -> None:
        self._metric = metric
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the family with one sample a label set."""
        family = CounterMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)
        for values, count in sorted(self._read().items()):
            family.add_metric(values, count)
        yield family
