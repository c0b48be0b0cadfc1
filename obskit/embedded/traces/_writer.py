"""The one thread that writes: many pushes in one transaction, and the clearing up between them."""

import queue
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from obskit.embedded.traces._clock import Clock
from obskit.embedded.traces._errors import BusyError
from obskit.embedded.traces._generator import Generator
from obskit.embedded.traces._push import NewSpan
from obskit.embedded.traces._store import Retention, Store

__all__ = ["Writer"]

_MAX_WAITING = 48 << 20
_MAX_SPANS = 5_000
_PRUNE_S = 30.0
_STOPPED = "The trace store has stopped; restart the backend."


@dataclass(frozen=True, slots=True)
class _Push:
    spans: Sequence[NewSpan]
    weight: int
    done: "Future[int]" = field(default_factory=Future)


class Writer:
    """Writes what is submitted, in order, and counts it in *generator* once it is stored."""

    def __init__(self, store: Store, generator: Generator, retention: Retention, clock: Clock) -> None:
        self._store = store
        self._generator = generator
        self._retention = retention
        self._clock = clock
        self._queue: queue.Queue[_Push | None] = queue.Queue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, name="trace-store", daemon=True)
        self._thread.start()

    def submit(self, spans: Sequence[NewSpan], weight: int) -> "Future[int]":
        """Return the number of rejected spans once *spans* are stored; they take *weight* bytes till then.

        Raises:
            BusyError: too much is waiting.
        """
        push = _Push(spans, weight)
        with self._lock:
            if not self._thread.is_alive():
                raise BusyError(_STOPPED)
            if self._waiting and self._waiting + weight > _MAX_WAITING:
                msg = "The trace store is behind; send it again later."
                raise BusyError(msg)
            self._waiting += weight
            self._queue.put(push)
        return push.done

    def close(self) -> None:
        """Write what was submitted, and close the store."""
        self._queue.put(None)
        self._thread.join()
        self._store.close()

    def _run(self) -> None:
        pushes: list[_Push] = []
        due = self._clock.monotonic()
        try:
            while True:
                pushes, last = self._next(max(due - self._clock.monotonic(), 0.0))
                if pushes:
                    self._write(pushes)
                if last:
                    return
                now = self._clock.monotonic()
                if now >= due:
                    self._clear_up()
                    due = now + _PRUNE_S
        finally:
            self._give_up(pushes)

    def _next(self, wait_s: float) -> tuple[list[_Push], bool]:
        pushes: list[_Push] = []
        spans = 0
        try:
            push = self._queue.get(timeout=min(wait_s, 1.0) + 0.01)
            while push is not None:
                pushes.append(push)
                spans += len(push.spans)
                if spans >= _MAX_SPANS:
                    return pushes, False
                push = self._queue.get_nowait()
        except queue.Empty:
            return pushes, False
        return pushes, True

    def _write(self, pushes: Sequence[_Push]) -> None:
        try:
            added = self._store.add([push.spans for push in pushes], self._clock.time())
        except sqlite3.Error as error:
            for push in pushes:
                self._finish(push)
                push.done.set_exception(error)
            return
        for push, result in zip(pushes, added, strict=True):
            self._generator.observe(result.new, self._clock.monotonic())
            self._finish(push)
            push.done.set_result(result.rejected)

    def _clear_up(self) -> None:
        try:
            self._store.prune(self._retention, self._clock.time())
            self._store.shrink()
        except sqlite3.Error:
            # A full disk, say: the next push says so, and the next round tries again.
            return

    def _finish(self, push: _Push) -> None:
        with self._lock:
            self._waiting -= push.weight

    def _give_up(self, pushes: list[_Push]) -> None:
        """Let nobody wait for a thread that has ended."""
        with self._lock:
            while not self._queue.empty():
                push = self._queue.get_nowait()
                if push is not None:
                    pushes = [*pushes, push]
        for push in pushes:
            if not push.done.done():
                push.done.set_exception(BusyError(_STOPPED))
