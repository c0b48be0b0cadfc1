"""Creates the catalogue's metrics on first use."""

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from obskit.catalog import BUILD_INFO, PROCESSES, Metric
from obskit.metrics._gauge import Gauge
from obskit.metrics._histogram import Histogram
from obskit.metrics._registry import ServiceRegistry
from obskit.metrics._runtime import Runtime

if TYPE_CHECKING:
    from obskit.config import Settings

__all__ = ["Metrics"]

_TYPES: dict[str, type[Counter | Gauge]] = {"counter": Counter, "gauge": Gauge}
Family = Counter | Gauge | Histogram


class Metrics:
    """The metrics of one service.

    Each label set is one child, looked up by its values in a plain dict: a hot path keeps
    the child instead of asking again. A metric with ``max_series`` label sets gives every
    further one the same overflow child.
    """

    def __init__(self, settings: "Settings") -> None:
        self.registry = ServiceRegistry(settings.service, settings.max_series)
        """Register the service's own metrics here: ``Counter(..., registry=obs.registry)``."""
        self._max_series = settings.max_series
        self._families: dict[str, Family] = {}
        self._children: dict[str, dict[tuple[str, ...], Any]] = {}
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.gauge(BUILD_INFO, settings.version, settings.revision).set(1)
        self.gauge(PROCESSES).set(1)
        self.runtime = Runtime(self.histogram)
        self.registry.register(self.runtime)

    def start(self) -> None:
        """Join the other workers of the service, if there are any."""
        self.registry.start()

    def close(self) -> None:
        """Leave what was counted to the other workers."""
        self.runtime.close()
        self.registry.close()

    # Three times the same body: each is on the way of every request and every statement.

    def counter(self, metric: Metric, *values: str) -> Counter:
        """Return the counter of *metric* for label *values* in the catalogue's order."""
        try:
            child: Counter = self._children[metric.name][values]
        except KeyError:
            return self._first(metric, values)  # type: ignore[no-any-return]  # what the catalogue says
        return child

    def gauge(self, metric: Metric, *values: str) -> Gauge:
        """Return the gauge of *metric* for label *values* in the catalogue's order."""
        try:
            child: Gauge = self._children[metric.name][values]
        except KeyError:
            return self._first(metric, values)  # type: ignore[no-any-return]  # as above
        return child

    def histogram(self, metric: Metric, *values: str) -> Histogram:
        """Return the histogram of *metric* for label *values* in the catalogue's order."""
        try:
            child: Histogram = self._children[metric.name][values]
        except KeyError:
            return self._first(metric, values)  # type: ignore[no-any-return]  # as above
        return child

    def _first(self, metric: Metric, values: tuple[str, ...]) -> Any:
        children = self._children.setdefault(metric.name, {})
        if len(values) != len(metric.labels):
            msg = f"{metric.name} has the labels {metric.labels}, got the values {values}."
            raise ValueError(msg)
        family = self._family(metric)
        child = family.labels(*values) if values else family
        if len(children) < self._max_series:  # from there on new ones are the overflow child
            children[values] = child
        return child

    def _family(self, metric: Metric) -> Family:
        family = self._families.get(metric.name)
        if family is None:
            family = self._families[metric.name] = _create(metric, self.registry)
        return family


def _create(metric: Metric, registry: CollectorRegistry) -> Family:
    if metric.type == "histogram":
        return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
    if metric.workers:
        return Gauge(
            metric.name, metric.help, metric.labels, registry=registry, multiprocess_mode=metric.workers
        )
    return _TYPES[metric.type](metric.name, metric.help, metric.labels, registry=registry)
