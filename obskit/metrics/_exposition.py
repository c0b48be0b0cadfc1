"""Renders the ``/metrics`` page."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from obskit.catalog import SERVICE_LABEL
from obskit.metrics._registry import ServiceRegistry

__all__ = ["render"]


@dataclass(frozen=True, slots=True)
class _Labelled(Collector):
    """Adds the service's name to every sample, so that the hot path need not carry it."""

    registry: ServiceRegistry
    service: str

    def collect(self) -> Iterator[Family]:
        own = {SERVICE_LABEL: self.service}
        for family in self.registry.collect_service():
            family.samples = [sample._replace(labels=own | sample.labels) for sample in family.samples]
            yield family


def render(registry: ServiceRegistry, service: str, accept: str) -> tuple[bytes, str]:
    """Return body and content type of the page that *accept* asks for, of all workers together.

    OpenMetrics, the format with exemplars, is sent to who asks for it, else Prometheus text.
    May wait for other workers, a second at most: call it in a thread where a loop runs.
    """
    encode, content_type = choose_encoder(accept)
    return encode(_Labelled(registry, service)), content_type
