"""Brings the event loop and the store together: one thread, many events in one commit."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from obskit.pager._store import Store

__all__ = ["Writer"]

T = TypeVar("T")
_BATCH = 200


class Writer:
    """Runs store operations one after the other, away from the event loop.

    What is asked for while a commit is on its way to the disk shares the next one: a
    flood of events costs one flush a batch, not one an event.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pager-store")
        self._waiting: list[tuple[Callable[[Store], Any], asyncio.Future[Any]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def run(self, operation: Callable[[Store], T]) -> T:
        """Return the result of *operation* once it is on disk.

        Raises:
            sqlite3.Error: the batch was rolled back, this operation with it.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await future

    async def close(self) -> None:
        """Finish what was asked for, and close the store."""
        if self._flushing is not None:
            await self._flushing
        await asyncio.get_running_loop().run_in_executor(self._thread, self._store.close)
        self._thread.shutdown()

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            operations = [operation for operation, _ in batch]
            outcome = asyncio.wrap_future(self._thread.submit(self._store.together, operations))
            await asyncio.wait([outcome])
            _deliver(outcome, [future for _, future in batch])


def _deliver(outcome: asyncio.Future[list[Any]], futures: list[asyncio.Future[Any]]) -> None:
    error = outcome.exception()
    for place, future in enumerate(futures):
        if future.done():  # its request was cancelled
            continue
        if error is None:
            future.set_result(outcome.result()[place])
        else:
            future.set_exception(error)
