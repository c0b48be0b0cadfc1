"""RED metrics on prometheus-client: a registry a service, capped series, exemplars, OpenMetrics."""

from obskit.metrics._counts import Counts
from obskit.metrics._exposition import render
from obskit.metrics._metrics import Metrics

__all__ = ["Counts", "Metrics", "render"]
