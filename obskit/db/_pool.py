"""Watches a connection pool: who waits, for how long, who gave up, and what is used and idle."""

import time
import weakref
from collections.abc import Iterator
from threading import Lock
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import Pool, QueuePool

from obskit._guard import guarded
from obskit.catalog import (
    DB_CONNECTION_MAX,
    DB_CONNECTION_PENDING,
    DB_CONNECTION_TIMEOUTS,
    DB_CONNECTION_WAIT,
    DB_CONNECTIONS,
    Metric,
)
from obskit.db._owner import Owner

__all__ = ["PoolWatch", "Pools", "watch"]


class PoolWatch:
    """The pool of one engine, also after ``engine.dispose()`` has put another in its place."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = weakref.ref(engine)
        self._lock = Lock()
        self.name = name
        self.pending = 0

    def add(self, change: int) -> None:
        """Count a caller that begins, or ends, to wait."""
        with self._lock:
            self.pending += change

    @property
    def alive(self) -> bool:
        """Whether the engine still exists."""
        return self._engine() is not None

    def used_idle_max(self) -> tuple[int, int, int | None] | None:
        """Return connections in use, idle, and at most (None: no limit); None for a pool that has no queue."""
        engine = self._engine()
        pool = None if engine is None else engine.pool
        if not isinstance(pool, QueuePool):
            return None
        overflow = pool._max_overflow  # noqa: SLF001 - there is no public door to it
        return pool.checkedout(), pool.checkedin(), None if overflow < 0 else pool.size() + overflow

    def waited(self, owner: Owner, duration_s: float) -> None:
        """Record a caller that has its connection."""
        with guarded("database telemetry"):
            owner.metrics.histogram(DB_CONNECTION_WAIT, self.name).observe(duration_s)

    def timed_out(self, owner: Owner, duration_s: float) -> None:
        """Record a caller that got none."""
        with guarded("database telemetry"):
            owner.metrics.counter(DB_CONNECTION_TIMEOUTS, self.name).inc()
            used, _, most = self.used_idle_max() or (None, None, None)
            fields = {"pool": self.name, "waited_ms": round(duration_s * 1e3, 1), "used": used, "max": most}
            owner.pipe.emit("error", "db.pool_timed_out", fields)


class Pools(Collector):
    """Shows the watched pools at scrape time; pools of one name are added up."""

    def __init__(self) -> None:
        self._watched: list[PoolWatch] = []

    def add(self, watched: PoolWatch) -> None:
        """Show *watched* from now on."""
        self._watched = [*(each for each in self._watched if each.alive and each is not watched), watched]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield connections by state, their limit, and who waits."""
        states: dict[tuple[str, ...], float] = {}
        limits: dict[tuple[str, ...], float] = {}
        pending: dict[tuple[str, ...], float] = {}
        for each in self._watched:
            if not each.alive:
                continue
            _add(pending, (each.name,), each.pending)
            counts = each.used_idle_max()
            if counts is not None:
                _add(states, (each.name, "used"), counts[0])
                _add(states, (each.name, "idle"), counts[1])
                if counts[2] is not None:
                    _add(limits, (each.name,), counts[2])
        yield _family(DB_CONNECTIONS, states)
        yield _family(DB_CONNECTION_MAX, limits)
        yield _family(DB_CONNECTION_PENDING, pending)


def _add(totals: dict[tuple[str, ...], float], key: tuple[str, ...], value: float) -> None:
    totals[key] = totals.get(key, 0) + value


def _family(metric: Metric, samples: dict[tuple[str, ...], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for values, value in samples.items():
        family.add_metric(values, value)
    return family


def watch(engine: Engine, monitor: Any) -> type[Pool]:
    """Let *monitor* see each checkout of *engine*'s pool; return the pool's original class.

    The pool gets a subclass of its class: ``dispose()`` and ``recreate()`` make new pools of
    the same class, so what a wrapped method would lose at the first dispose stays.
    """
    original = type(engine.pool)

    def connect(self: Pool) -> Any:
        started = time.perf_counter()
        watched: PoolWatch = monitor.pool
        watched.add(1)
        try:
            connection = original.connect(self)
        except PoolTimeoutError:
            watched.timed_out(monitor.owner(), time.perf_counter() - started)
            raise
        except BaseException as error:
            monitor.connect_failed(error, time.perf_counter() - started)
            raise
        finally:
            watched.add(-1)
        watched.waited(monitor.owner(), time.perf_counter() - started)
        return connection

    engine.pool.__class__ = type(
        original.__name__, (original,), {"connect": connect, "__module__": original.__module__}
    )
    return original
