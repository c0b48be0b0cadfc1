"""Instruments one httpx or httpx2 client by wrapping its transports.

At the transport each redirect and each retry is its own request, as OpenTelemetry's
conventions ask, and the library's own errors are seen as the caller sees them. The two
libraries differ in their names only, so nothing here is of one of them.
"""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from obskit.errors import InstrumentError
from obskit.httpclient._body import watch_async, watch_sync
from obskit.httpclient._sent import Owner, Sent

__all__ = ["install"]

_MARK = "_obskit_instrumented"


def install(client: Any, owner: Callable[[], Owner]) -> None:
    """Wrap the transports of *client*, an httpx or httpx2 client; a second call changes nothing.

    A caller may name a low-cardinality template of the URL for the metric and the span:
    ``client.get(url, extensions={"url_template": "/orders/{id}"})``.

    Raises:
        InstrumentError: *client* is something else of these packages, such as a response.
    """
    if not (hasattr(client, "_transport") and hasattr(client, "_mounts")):
        msg = (
            f"instrument() got a {type(client).__module__}.{type(client).__qualname__}, which is no "
            "client; pass an httpx.Client or httpx.AsyncClient."
        )
        raise InstrumentError(msg)
    if getattr(client, _MARK, False):
        return
    setattr(client, _MARK, True)
    _quieten(type(client))
    wrap = _AsyncTransport if hasattr(client, "aclose") else _Transport
    # There is no public door to a client's transports; these two names have stood since 0.15.
    client._transport = wrap(client._transport, owner)  # noqa: SLF001
    client._mounts = {  # noqa: SLF001
        pattern: transport and wrap(transport, owner)
        for pattern, transport in client._mounts.items()  # noqa: SLF001
    }


def _quieten(kind: type) -> None:
    """Drop the library's own line a request: the span says more, and the line shows the whole query."""
    for base in kind.__mro__:
        package = base.__module__.partition(".")[0]
        logger = logging.getLogger(package)
        if package in {"httpx", "httpx2"} and logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)


class _Transport:
    def __init__(self, inner: Any, owner: Callable[[], Owner]) -> None:
        self._inner = inner
        self._owner = owner

    def handle_request(self, request: Any) -> Any:
        with Sent(self._owner(), request) as sent:
            response = sent.response = self._inner.handle_request(request)
        watch_sync(response, sent.on_body_failure)
        return response

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._inner.__exit__(kind, error, traceback)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _AsyncTransport:
    def __init__(self, inner: Any, owner: Callable[[], Owner]) -> None:
        self._inner = inner
        self._owner = owner

    async def handle_async_request(self, request: Any) -> Any:
        with Sent(self._owner(), request) as sent:
            response = sent.response = await self._inner.handle_async_request(request)
        watch_async(response, sent.on_body_failure)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._inner.__aexit__(kind, error, traceback)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
