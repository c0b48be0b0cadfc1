"""Adds the generator's metrics to the page that an instrumented application serves itself."""

from collections.abc import Callable

from obskit._typing import ASGIApp, Message, Receive, Scope, Send

__all__ = ["with_metrics"]

_END = b"# EOF\n"


def with_metrics(app: ASGIApp, metrics: Callable[[], bytes]) -> ASGIApp:
    """Return *app* whose ``GET /metrics`` ends with what *metrics* makes, in either text format."""

    async def appended(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/metrics" or scope["method"] != "GET":
            await app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                await _send(start, bytes(body), metrics, send)

        await app(scope, receive, keep)

    return appended


async def _send(start: Message, body: bytes, metrics: Callable[[], bytes], send: Send) -> None:
    if start["status"] == 200:  # noqa: PLR2004 - HTTP's number
        ended = body.endswith(_END)
        body = body.removesuffix(_END) + _named(metrics(), openmetrics=ended) + (_END if ended else b"")
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    length = (b"content-length", str(len(body)).encode())
    await send({**start, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _named(page: bytes, *, openmetrics: bool) -> bytes:
    """OpenMetrics names a counter without the ``_total`` of its samples."""
    if not openmetrics:
        return page
    lines = page.split(b"\n")
    return b"\n".join(_family(line) if line.startswith(b"# ") else line for line in lines)


def _family(line: bytes) -> bytes:
    mark, kind, name, rest = line.split(b" ", 3)
    return b" ".join((mark, kind, name.removesuffix(b"_total"), rest))
