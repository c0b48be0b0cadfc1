"""Which metrics and labels a board may name: the catalogue's, and those that Prometheus adds itself."""

from obskit.boards._limits import recorded
from obskit.catalog import METRICS, SERVICE_LABEL, Metric

__all__ = [
    "CPU",
    "FILE_LIMIT",
    "GC_RUNS",
    "MEMORY",
    "OPEN_FILES",
    "STARTED",
    "UP",
    "is_counter",
    "is_histogram",
    "labels_of",
]

_SUFFIXES = ("_bucket", "_count", "_sum")

_TARGET = frozenset({SERVICE_LABEL, "instance", "job"})
"""Labels that a scrape adds to every series."""

UP = Metric("up", "gauge", "1 while Prometheus can scrape the target.")
CPU = Metric("process_cpu_seconds_total", "counter", "Processor time that the process used.")
MEMORY = Metric("process_resident_memory_bytes", "gauge", "Memory that the process holds.")
OPEN_FILES = Metric("process_open_fds", "gauge", "Files and sockets that the process has open.")
FILE_LIMIT = Metric("process_max_fds", "gauge", "Files and sockets that the process may have open.")
STARTED = Metric("process_start_time_seconds", "gauge", "When the process started, in Unix seconds.")
GC_RUNS = Metric("python_gc_collections_total", "counter", "Garbage collections.", ("generation",))
"""Made by Prometheus, or by prometheus_client in every service; the catalogue has what obskit makes."""

_ALERTS = Metric(
    "ALERTS", "gauge", "1 while an alert is active.", ("alertname", "alertstate", "severity", "slo")
)
_FOREIGN = {
    metric.name: metric for metric in (UP, CPU, MEMORY, OPEN_FILES, FILE_LIMIT, STARTED, GC_RUNS, _ALERTS)
}


def labels_of(name: str) -> frozenset[str] | None:
    """Return the labels that series *name* may have, or None when nothing exposes it."""
    if name in _FOREIGN:
        return _TARGET.union(_FOREIGN[name].labels)
    if name in recorded():
        return frozenset({SERVICE_LABEL})
    if is_histogram(name):
        own = METRICS[_family(name)].labels
        return _TARGET.union(own, {"le"} if name.endswith("_bucket") else ())
    if name in METRICS and METRICS[name].type != "histogram":
        return _TARGET.union(METRICS[name].labels)
    return None


def is_histogram(name: str) -> bool:
    """Whether *name* is a series of a histogram: buckets, count or sum."""
    family = _family(name)
    return family != name and family in METRICS and METRICS[family].type == "histogram"


def is_counter(name: str) -> bool:
    """Whether *name* only grows, so that only its rate or increase says anything."""
    return is_histogram(name) or name.endswith("_total")


def _family(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)
