"""The time, as a parameter, so that tests need not wait for it."""

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """What is used of the module :mod:`time`."""

    def time(self) -> float:
        """Return seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment, which never go back."""
        ...
