"""What caches need of the process's telemetry."""

from collections.abc import Callable
from typing import Protocol

from obskit.logging import LogPipe
from obskit.metrics import Metrics

__all__ = ["GetOwner", "Owner"]


class Owner(Protocol):
    """Metrics and logs of one process."""

    metrics: Metrics
    pipe: LogPipe


GetOwner = Callable[[], Owner]
"""Asked at each use, because telemetry may be turned on, and off, after the cache was made."""
