"""Graceful draining: readiness says no first, then the server closes."""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType

from obskit.health._checks import Health

__all__ = ["drain_on_sigterm"]


def drain_on_sigterm(health: Health, drain_s: float) -> Callable[[], None]:
    """On SIGTERM answer readiness with 503, and *drain_s* seconds later do what SIGTERM did before.

    The handler that the server or the application installed still runs, in its own time; a
    second SIGTERM runs it at once. Returns the function that puts the old handler back.
    Does nothing outside the main thread or where SIGTERM has no Python handler.
    """
    if threading.current_thread() is not threading.main_thread():
        return _nothing
    previous = signal.getsignal(signal.SIGTERM)
    if not callable(previous):
        return _nothing
    loop = asyncio.get_running_loop()

    def close(number: int, frame: FrameType | None) -> None:
        if health.draining or not drain_s:
            health.draining = True
            previous(number, frame)
            return
        health.draining = True
        loop.call_soon_threadsafe(loop.call_later, drain_s, previous, number, None)

    signal.signal(signal.SIGTERM, close)

    def restore() -> None:
        if signal.getsignal(signal.SIGTERM) is close:
            signal.signal(signal.SIGTERM, previous)

    return restore


def _nothing() -> None:
    """Stand in where there is nothing to restore."""
