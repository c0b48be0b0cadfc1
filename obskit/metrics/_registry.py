"""The registry of one service: prometheus-client's, and the pages of the other workers beside its own."""

import threading
from collections import Counter as Count
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from obskit.catalog import SERVICE_LABEL
from obskit.metrics._cap import cap
from obskit.metrics._journal import Book
from obskit.metrics._page import Key, Page, page_of
from obskit.metrics._text import Writer
from obskit.metrics._workers import Workers

__all__ = ["ServiceRegistry"]


class ServiceRegistry(CollectorRegistry):
    """Collects what this process counts; :meth:`write` what all processes of the service count."""

    def __init__(self, service: str, max_series: int = 2000) -> None:
        self.overflowed: Count[str] = Count()
        """How often a metric was asked for one more label set than *max_series*, by its name."""
        self._max_series = max_series
        self._modes: dict[str, str] = {}
        self._recent: dict[str, Gauge] = {}
        # Added here, so that the hot path need not carry it.
        self._writer = Writer({SERVICE_LABEL: service})
        self._families: list[str] = []
        self._book = Book()
        self._book.install()
        self._workers = Workers(service, self._book, self.own_page, self._families.copy)
        super().__init__()
        self.on_child = self._workers.on_child
        """Call a function in each forked child, before it counts anything of its own."""
        self.on_child(self._release_locks)
        self.on_child(self.overflowed.clear)

    def start(self) -> None:
        """Join the other workers, if there are any."""
        self._workers.start()

    def close(self) -> None:
        """Leave what was counted to the other workers, and stop answering them."""
        self._workers.close()
        self._book.uninstall()

    def register(self, collector: Collector) -> None:
        """Add *collector*, within the cap; how a gauge of several workers is merged, its ``multiprocess_mode`` says."""
        super().register(collector)
        if isinstance(collector, MetricWrapperBase):
            cap(collector, self._max_series, self.overflowed)
        for name in {family.name for family in _described(collector)}:
            self._families.append(name)
            self._workers.note_family(name)
        if isinstance(collector, Gauge):
            self._note_gauge(collector)

    def _note_gauge(self, gauge: Gauge) -> None:
        (name,) = (family.name for family in gauge.describe())
        self._modes[name] = gauge._multiprocess_mode  # noqa: SLF001 - it has no other way to be asked
        if self._modes[name].endswith("mostrecent"):
            self._recent[name] = gauge

    def own_page(self) -> Page:
        """Return what this process counts."""
        return page_of(self.collect(), self._modes, self._set_at())

    def write(self, encode: Callable[[Collector], bytes], content_type: str) -> bytes:
        """Return the page of all processes as text; waits for other workers a second at most."""
        return self._writer.write(self._workers.page(), encode, content_type)

    def _set_at(self) -> dict[Key, float]:
        """Return when the gauges of the mode ``mostrecent`` were set."""
        moments: dict[Key, float] = {}
        for name, gauge in self._recent.items():
            children = getattr(gauge, "_metrics", {(): gauge})
            for labels, child in list(children.items()):
                names = gauge._labelnames  # noqa: SLF001 - as above
                value = getattr(child, "_value", None)
                moments[name, tuple(zip(names, labels, strict=True))] = getattr(value, "set_at", 0.0)
        return moments

    def _release_locks(self) -> None:
        """Make locks anew in a forked child: another thread of the parent may have held them."""
        self._lock = threading.Lock()
        for collector in list(self._collector_to_names):
            if hasattr(collector, "_lock"):
                collector._lock = threading.Lock()  # noqa: SLF001 - nobody else will


def _described(collector: Collector) -> list[Family]:
    describe = getattr(collector, "describe", None)
    return list(describe()) if describe is not None else []
