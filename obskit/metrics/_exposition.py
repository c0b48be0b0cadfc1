"""Renders the ``/metrics`` page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from obskit.catalog import SERVICE_LABEL

__all__ = ["render"]


@dataclass(frozen=True, slots=True)
class _Labelled(Collector):
    """Adds the service's name to every sample, so that the hot path need not carry it."""

    registry: CollectorRegistry
    service: str

    def collect(self) -> Iterator[Family]:
        for family in self.registry.collect():
            labelled = Family(family.name, family.documentation, family.type, family.unit)
            labelled.samples = list(self._samples(family.samples))
            yield labelled

    def _samples(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        for sample in samples:
            # _created doubles the series of a page and no board or rule of ours reads it.
            if not sample.name.endswith("_created"):
                yield sample._replace(labels={SERVICE_LABEL: self.service, **sample.labels})


def render(registry: CollectorRegistry, service: str, accept: str) -> tuple[bytes, str]:
    """Return body and content type of the page that *accept* asks for.

    OpenMetrics, the format with exemplars, is sent to who asks for it, else Prometheus text.
    """
    encode, content_type = choose_encoder(accept)
    return encode(_Labelled(registry, service)), content_type
