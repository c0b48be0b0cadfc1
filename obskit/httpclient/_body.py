"""Watches the body of a response, which arrives after the transport has returned."""

import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from typing import Any

__all__ = ["watch_async", "watch_sync"]

_Report = Callable[[BaseException, int], None]


def watch_sync(response: Any, report: _Report) -> None:
    """Call *report* if reading the body of *response* raises."""
    kind = _watched(_library(response))[0]
    if kind is not None and not _in_memory(response):
        response.stream = kind(response.stream, report)


def watch_async(response: Any, report: _Report) -> None:
    """Call *report* if reading the body of *response* raises."""
    kind = _watched(_library(response))[1]
    if kind is not None and not _in_memory(response):
        response.stream = kind(response.stream, report)


def _in_memory(response: Any) -> bool:
    return type(response.stream).__name__ == "ByteStream"


def _library(response: Any) -> str:
    return type(response).__module__.partition(".")[0]


@cache
def _watched(library: str) -> tuple[Any, Any]:
    """Return the stream classes for the clients of *library*, which takes none but its own."""
    module = sys.modules.get(library)
    sync_base = getattr(module, "SyncByteStream", None)
    async_base = getattr(module, "AsyncByteStream", None)
    if sync_base is None or async_base is None:
        return None, None
    return type("WatchedStream", (_Stream, sync_base), {}), type(
        "WatchedAsyncStream", (_AsyncStream, async_base), {}
    )


class _Stream:
    def __init__(self, inner: Any, report: _Report) -> None:
        self._inner = inner
        self._report = report
        self._since = time.time_ns()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._inner
        except GeneratorExit:  # the caller reads no further
            raise
        except BaseException as error:
            self._report(error, self._since)
            raise

    def close(self) -> None:
        self._inner.close()


class _AsyncStream:
    def __init__(self, inner: Any, report: _Report) -> None:
        self._inner = inner
        self._report = report
        self._since = time.time_ns()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._inner:
                yield part
        except GeneratorExit:  # the caller reads no further
            raise
        except BaseException as error:
            self._report(error, self._since)
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()
