"""What messaging needs of the process's telemetry."""

from typing import Protocol

from obskit.logging import LogPipe
from obskit.metrics import Metrics
from obskit.tracing import Tracing

__all__ = ["Owner"]


class Owner(Protocol):
    """What messaging needs of the process's telemetry."""

    metrics: Metrics
    tracing: Tracing
    pipe: LogPipe
