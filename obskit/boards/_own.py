"""Boards about metrics that the catalogue does not have: those of the user's own services."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from obskit.catalog import Metric

__all__ = ["own_metrics", "with_own"]

_OWN: ContextVar[dict[str, Metric]] = ContextVar("obskit_own_metrics")


def own_metrics() -> dict[str, Metric]:
    """Return the metrics that the board names which is being checked, by their names."""
    return _OWN.get({})


@contextmanager
def with_own(metrics: Iterable[Metric]) -> Iterator[None]:
    """Let the rules know *metrics* while the block runs."""
    token = _OWN.set({metric.name: metric for metric in metrics})
    try:
        yield
    finally:
        _OWN.reset(token)
