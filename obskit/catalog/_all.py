"""Every metric, from the files of the topics, in their order."""

from obskit.catalog import _http, _messaging, _pager, _process
from obskit.catalog._metric import Metric

__all__ = ["METRICS"]

_TOPICS = (_http, _messaging, _process, _pager)

METRICS = {
    metric.name: metric for topic in _TOPICS for metric in vars(topic).values() if isinstance(metric, Metric)
}
