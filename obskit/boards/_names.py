"""Which metrics and labels a board may name: the catalogue's, those of others, and recording rules."""

from obskit.boards._foreign import FOREIGN
from obskit.boards._limits import recorded_labels
from obskit.boards._own import own_metrics
from obskit.catalog import METRICS, SERVICE_LABEL, Metric

__all__ = ["is_counter", "is_histogram", "labels_of"]

_SUFFIXES = ("_bucket", "_count", "_sum")

_TARGET = frozenset({SERVICE_LABEL, "instance", "job"})
"""Labels that a scrape adds to every series."""


def labels_of(name: str) -> frozenset[str] | None:
    """Return the labels that series *name* may have, or None when nothing exposes it."""
    recorded = recorded_labels()
    if name in recorded:
        return recorded[name] | {SERVICE_LABEL}
    if is_histogram(name):
        metric = _known(_family(name))
        own = metric.labels if metric else ()
        return _TARGET.union(own, {"le"} if name.endswith("_bucket") else ())
    metric = _known(name)
    return None if metric is None or metric.type == "histogram" else _TARGET.union(metric.labels)


def is_histogram(name: str) -> bool:
    """Whether *name* is a series of a histogram: buckets, count or sum."""
    family = _family(name)
    metric = _known(family)
    return family != name and metric is not None and metric.type == "histogram"


def is_counter(name: str) -> bool:
    """Whether *name* only grows, so that only its rate or increase says anything."""
    return is_histogram(name) or name.endswith("_total")


def _known(name: str) -> Metric | None:
    return METRICS.get(name) or FOREIGN.get(name) or own_metrics().get(name)


def _family(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)
