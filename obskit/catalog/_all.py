"""Every metric, from the files of the topics, in their order."""

from obskit.catalog import (
    _auth,
    _cache,
    _db,
    _http,
    _jobs,
    _messaging,
    _pager,
    _process,
    _resilience,
    _shipping,
)
from obskit.catalog._metric import Metric

__all__ = ["METRICS"]

_TOPICS = (_http, _messaging, _db, _resilience, _cache, _jobs, _auth, _process, _pager, _shipping)

METRICS = {
    metric.name: metric for topic in _TOPICS for metric in vars(topic).values() if isinstance(metric, Metric)
}
