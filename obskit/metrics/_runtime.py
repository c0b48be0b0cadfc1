"""What the interpreter itself does: pauses of the garbage collector, lag of the event loop, its thread pool."""

import asyncio
import gc
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from obskit.catalog import GC_PAUSE, LOOP_LAG, LOOP_TASKS, POOL_BUSY, POOL_SIZE, POOL_WAITING, Metric

if TYPE_CHECKING:
    from anyio import CapacityLimiter

__all__ = ["Runtime"]

_EVERY_S = 0.25
_FULL = 2


class Runtime(Collector):
    """Watches the garbage collector from the start, and an event loop from :meth:`watch_loop` on."""

    def __init__(self, histogram: Callable[[Metric], Histogram]) -> None:
        self._pause = histogram(GC_PAUSE)
        self._lag = histogram(LOOP_LAG)
        self._began = 0.0
        self._closed = False
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self._pool: CapacityLimiter | None = None
        gc.callbacks.append(self._on_gc)

    def close(self) -> None:
        """Stop watching."""
        self._closed = True
        if self._on_gc in gc.callbacks:
            gc.callbacks.remove(self._on_gc)

    def _on_gc(self, phase: str, info: dict[str, int]) -> None:
        # Only full collections take long enough to be felt; the others are hundreds a second.
        if info["generation"] != _FULL:
            return
        if phase == "start":
            self._began = time.perf_counter()
        elif self._began:
            self._pause.observe(time.perf_counter() - self._began)

    def watch_loop(self) -> None:
        """Measure from now on how late the running loop is, four times a second; a second call changes nothing."""
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop() is loop:
            return
        self._loop = weakref.ref(loop)
        self._pool = _thread_pool()
        self._expect(loop)

    def _expect(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + _EVERY_S
        # A timer and no task: nothing is left pending when the loop ends.
        loop.call_at(due, self._on_time, loop, due)

    def _on_time(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if not self._closed and self._loop is not None and self._loop() is loop:
            self._lag.observe(max(0.0, loop.time() - due))
            self._expect(loop)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the loop's tasks, and the threads that sync routes and dependencies run in."""
        loop = self._loop() if self._loop is not None else None
        if loop is None or loop.is_closed():
            return
        yield _gauge(LOOP_TASKS, len(asyncio.all_tasks(loop)))
        if self._pool is not None:
            threads = self._pool.statistics()
            yield _gauge(POOL_BUSY, threads.borrowed_tokens)
            yield _gauge(POOL_SIZE, threads.total_tokens)
            yield _gauge(POOL_WAITING, threads.tasks_waiting)


def _gauge(metric: Metric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, value=value)


def _thread_pool() -> "CapacityLimiter | None":
    # Starlette's threads are anyio's; who has not loaded anyio has none of them.
    anyio: Any = sys.modules.get("anyio.to_thread")
    return None if anyio is None else anyio.current_default_thread_limiter()
