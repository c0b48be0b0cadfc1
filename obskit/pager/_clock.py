"""Where the pager gets its time from."""

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Wall clock and steady clock in seconds; the module :mod:`time` is one."""

    def time(self) -> float:
        """Return Unix seconds, for what people read."""

    def monotonic(self) -> float:
        """Return seconds that never jump, for deadlines: a laptop's sleep is not an outage."""
