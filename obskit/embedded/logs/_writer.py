"""The one thread that writes: what is asked for while a commit runs shares the next one."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from obskit.errors import ObskitError

__all__ = ["Operation", "Writer"]

T = TypeVar("T")
_BATCH = 64

Operation = Callable[[sqlite3.Connection], T]
"""Writes and returns something; raises an ObskitError before it writes, or not at all."""


class Writer:
    """Runs operations one after the other in a thread of its own, many in one transaction.

    *on_rollback* is called in that thread when a transaction failed, so that nobody
    remembers what is not there.
    """

    def __init__(self, connection: sqlite3.Connection, on_rollback: Callable[[], None]) -> None:
        self._connection = connection
        self._on_rollback = on_rollback
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log-store")
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Operation[Any], Future[Any]]] = deque()

    def submit(self, operation: Operation[T]) -> "Future[T]":
        """Ask for *operation*; its result is there once it is committed."""
        future: Future[T] = Future()
        with self._lock:
            self._waiting.append((operation, future))
            is_first = len(self._waiting) == 1
        if is_first:
            self._thread.submit(self._flush)
        return future

    def close(self) -> None:
        """Finish what was asked for, and close the connection."""
        self._thread.submit(self._connection.close)
        self._thread.shutdown()

    def _flush(self) -> None:
        while batch := self._next_batch():
            self._together(batch)

    def _next_batch(self) -> list[tuple[Operation[Any], "Future[Any]"]]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]

    def _together(self, batch: list[tuple[Operation[Any], "Future[Any]"]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        waiting = [future for _, future in batch]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for operation, future in batch:
                try:
                    done.append((future, operation(self._connection)))
                except ObskitError as error:
                    waiting.remove(future)
                    future.set_exception(error)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            for future in waiting:
                future.set_exception(error)
            return
        except BaseException as error:
            self._undo()
            for future in waiting:
                future.set_exception(error)
            raise
        for future, result in done:
            future.set_result(result)

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._on_rollback()
