"""The catalogue agrees with itself and with the code."""

import re
from pathlib import Path

import pytest

from obskit import catalog

PACKAGE = Path(catalog.__file__).parent.parent


@pytest.mark.parametrize("metric", catalog.METRICS.values(), ids=lambda metric: metric.name)
def test_metric_names_follow_prometheus(metric):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
    assert (metric.type == "counter") == metric.name.endswith("_total")
    assert (metric.type == "histogram") == bool(metric.buckets)
    assert list(metric.buckets) == sorted(metric.buckets)
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", catalog.METRICS.values(), ids=lambda metric: metric.name)
def test_every_label_has_a_bound(metric):
    assert set(metric.labels) <= catalog.LABELS.keys()


def test_labels_that_prometheus_sets_itself_are_not_used():
    assert not {"job", "instance", "le", "quantile"} & catalog.LABELS.keys()


def test_every_event_that_obskit_writes_is_in_the_catalogue():
    emitted = set()
    for path in PACKAGE.rglob("*.py"):
        if not {"cli", "stack", "pager", "demo"} & set(path.parts):
            emitted |= set(re.findall(r"\.emit\(\s*\"\w+\",\s*\"([\w.]+)\"", path.read_text()))
    assert emitted
    assert emitted <= catalog.EVENTS.keys()
