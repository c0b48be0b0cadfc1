"""Reads request bodies, compressed or not, up to a size that memory can bear."""

import zlib

from starlette.requests import ClientDisconnect, Request

from obskit.embedded.logs._errors import PushError

__all__ = ["MAX_BODY_BYTES", "read_body"]

MAX_BODY_BYTES = 16 << 20
"""Of a body as it is sent, and of what it is when it is decompressed."""
_TOO_LARGE = 413
_WINDOWS = {"gzip": 31, "deflate": -15}


async def read_body(request: Request) -> bytes:
    """Return the request's body, decompressed from gzip or deflate.

    Raises:
        PushError: it is too large, or is not what its encoding says.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise _too_large(len(body))
    except ClientDisconnect as error:
        msg = "the sender went away"
        raise PushError(msg) from error
    encoding = request.headers.get("content-encoding", "").lower()
    if encoding in {"", "identity", "snappy"}:  # snappy is decoded with the message
        return bytes(body)
    if encoding not in _WINDOWS:
        msg = f'Content-Encoding "{encoding[:40]}" not supported'
        raise PushError(msg)
    return _inflated(bytes(body), encoding)


def _too_large(size: int) -> PushError:
    msg = f"request body too large: {size} bytes, limit: {MAX_BODY_BYTES} bytes"
    return PushError(msg, status=_TOO_LARGE)


def _inflated(body: bytes, encoding: str) -> bytes:
    stream = zlib.decompressobj(_WINDOWS[encoding])
    try:
        inflated = stream.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        msg = f"{encoding}: invalid data: {error}"
        raise PushError(msg) from error
    if len(inflated) > MAX_BODY_BYTES:
        raise _too_large(len(inflated))
    if not stream.eof:
        msg = "unexpected EOF"
        raise PushError(msg)
    return inflated
