"""``POST /v1/traces``: takes OTLP as JSON and as protobuf, within limits, and answers as the protocol says."""

import asyncio
import sqlite3
import zlib
from concurrent.futures import ThreadPoolExecutor

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from obskit.embedded.traces._errors import BusyError, MalformedError, TooLargeError
from obskit.embedded.traces._protobuf import nested, payload_of, status_bytes, varint
from obskit.embedded.traces._push import NewSpan, PushReader
from obskit.embedded.traces._writer import Writer

__all__ = ["Receiver"]

_JSON = "application/json"
_PROTOBUF = "application/x-protobuf"
_MAX_BODY = 16 << 20
_INVALID, _EXHAUSTED, _UNAVAILABLE = 3, 8, 14
_GZIP = 16 + zlib.MAX_WBITS
_RETRY_S = "1"
_WEIGHT = 2_000
_FULL = "spans were rejected: their trace has as many as the store keeps"


class Receiver:
    """Decodes pushes, one at a time, and has *writer* store them; answers once they are stored."""

    def __init__(self, writer: Writer, *, max_body: int = _MAX_BODY) -> None:
        self._writer = writer
        self._max_body = max_body
        self._reader = PushReader()
        # One thread: what is being decoded takes several times the body's room.
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="otlp-traces")

    def routes(self) -> list[Route]:
        """Return the routes, for an application on port 4318."""
        return [Route("/v1/traces", self.push, methods=["POST"])]

    def close(self) -> None:
        """Let what is being decoded end."""
        self._decoder.shutdown()

    async def push(self, request: Request) -> Response:
        """Store the spans of an export request."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {_JSON, _PROTOBUF}:
            text = f"415 unsupported media type, supported: [{_JSON}, {_PROTOBUF}]"
            return Response(text, 415, media_type="text/plain")
        try:
            return _accepted(kind, await self._store(request, kind))
        except MalformedError as error:
            return _refused(kind, 400, _INVALID, str(error))
        except TooLargeError as error:
            return _refused(kind, 413, _EXHAUSTED, str(error))
        except BusyError as error:
            return _refused(kind, 503, _UNAVAILABLE, str(error))
        except sqlite3.Error as error:
            return _refused(kind, 503, _UNAVAILABLE, f"The trace store failed: {error}.")

    async def _store(self, request: Request, kind: str) -> int:
        body = await self._body(request)
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        loop = asyncio.get_running_loop()
        spans = await loop.run_in_executor(self._decoder, self._decoded, body, encoding, kind)
        if not spans:
            return 0
        weight = sum(len(span.body) + _WEIGHT for span in spans)
        return await asyncio.wrap_future(self._writer.submit(spans, weight))

    async def _body(self, request: Request) -> bytes:
        parts = bytearray()
        try:
            async for part in request.stream():
                parts += part
                if len(parts) > self._max_body:
                    raise self._too_large()
        except ClientDisconnect as error:
            msg = "The body ended early."
            raise MalformedError(msg) from error
        return bytes(parts)

    def _decoded(self, body: bytes, encoding: str, kind: str) -> list[NewSpan]:
        content = self._inflated(body, encoding)
        if kind == _PROTOBUF:
            return self._reader.read(payload_of(content))
        try:
            return self._reader.read(orjson.loads(content))
        except orjson.JSONDecodeError as error:
            msg = f"The body is no JSON: {error}."
            raise MalformedError(msg) from error

    def _inflated(self, body: bytes, encoding: str) -> bytes:
        if encoding in {"", "identity"}:
            return body
        if encoding not in {"gzip", "deflate"}:
            msg = f"content-encoding is {encoding[:60]!r}; accepted are gzip, deflate and identity."
            raise MalformedError(msg)
        inflater = zlib.decompressobj(_GZIP if encoding == "gzip" else zlib.MAX_WBITS)
        try:
            content = inflater.decompress(body, self._max_body + 1)
        except zlib.error as error:
            msg = f"The body is no {encoding}: {error}."
            raise MalformedError(msg) from error
        if len(content) > self._max_body:
            raise self._too_large()
        if not inflater.eof:
            msg = f"The body is no {encoding}: it ends early."
            raise MalformedError(msg)
        return content

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"The request is larger than {self._max_body} bytes, before or after decompression; send smaller batches."
        )


def _accepted(kind: str, rejected: int) -> Response:
    if kind == _PROTOBUF:
        partial = b"\x08" + varint(rejected) + nested(2, _FULL.encode()) if rejected else b""
        return Response(nested(1, partial) if partial else b"", media_type=_PROTOBUF)
    found = {"rejectedSpans": str(rejected), "errorMessage": _FULL} if rejected else {}
    return Response(orjson.dumps({"partialSuccess": found}), media_type=_JSON)


def _refused(kind: str, status: int, code: int, message: str) -> Response:
    headers = {"retry-after": _RETRY_S} if code == _UNAVAILABLE else None
    if kind == _PROTOBUF:
        return Response(status_bytes(code, message), status, headers, media_type=_PROTOBUF)
    return Response(orjson.dumps({"code": code, "message": message}), status, headers, media_type=_JSON)
