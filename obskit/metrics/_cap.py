"""Keeps a metric within its series cap, whoever made it."""

from collections import Counter as Count
from typing import Any

from prometheus_client.metrics import MetricWrapperBase

from obskit.catalog import OVERFLOW

__all__ = ["cap"]


def cap(metric: MetricWrapperBase, most: int, overflowed: Count[str]) -> None:
    """Let *metric* have *most* label sets; every further one is the same overflow series, and counted.

    What it has by then goes on as it is. The count is by the metric's name in *overflowed*.
    """
    family: Any = metric  # prometheus-client has no public way to ask for names and label sets
    names = family._labelnames  # noqa: SLF001 - as above
    labels, overflow = family.labels, (OVERFLOW,) * len(names)

    def capped(*values: object, **named: object) -> Any:
        known = family._metrics  # noqa: SLF001 - as above
        if len(known) >= most and (not named or named.keys() == set(names)):
            asked = tuple(map(str, values or (named[name] for name in names)))
            if asked not in known and asked != overflow and len(asked) == len(names):
                overflowed[family._name] += 1  # noqa: SLF001 - as above
                return labels(*overflow)
        return labels(*values, **named)

    if names:
        family.labels = capped
