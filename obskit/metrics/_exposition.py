"""Renders the ``/metrics`` page."""

from prometheus_client.exposition import choose_encoder

from obskit.metrics._registry import ServiceRegistry

__all__ = ["render"]


def render(registry: ServiceRegistry, accept: str) -> tuple[bytes, str]:
    """Return body and content type of the page that *accept* asks for, of all workers together.

    OpenMetrics, the format with exemplars, is sent to who asks for it, else Prometheus text.
    May wait for other workers, a second at most: call it in a thread where a loop runs.
    """
    encode, content_type = choose_encoder(accept)
    return registry.write(encode, content_type), content_type
