"""What the parts of this package need of the process's telemetry."""

from collections.abc import Callable
from typing import Protocol

from obskit.logging import LogPipe
from obskit.metrics import Metrics
from obskit.tracing import Tracing

__all__ = ["GetOwner", "Owner"]


class Owner(Protocol):
    """Metrics, traces and logs of one process."""

    metrics: Metrics
    tracing: Tracing
    pipe: LogPipe


GetOwner = Callable[[], Owner]
"""Asked at each use, because telemetry may be turned on, and off, after the object was made."""
