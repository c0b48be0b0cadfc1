"""What database telemetry needs of the process's telemetry."""

from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from obskit.config import Settings
from obskit.logging import LogPipe
from obskit.metrics import Metrics
from obskit.tracing import Tracing

__all__ = ["Owner"]


class Owner(Protocol):
    """What database telemetry needs of the process's telemetry."""

    settings: Settings
    pipe: LogPipe
    metrics: Metrics
    tracing: Tracing
    topics: dict[str, Any]

    @property
    def registry(self) -> CollectorRegistry:
        """Where collectors are registered."""
