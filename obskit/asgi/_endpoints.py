"""The pages that obskit serves itself: ``/livez``, ``/readyz``, ``/metrics``.

They are answered before the application is asked: they need no routes in it, and make no
access lines, spans or series of their own.
"""

import asyncio
from typing import TYPE_CHECKING

import orjson

from obskit._typing import Scope, Send
from obskit.metrics import render

if TYPE_CHECKING:
    from obskit.asgi._middleware import Owner

__all__ = ["ENDPOINTS", "answer"]

ENDPOINTS = frozenset({"/livez", "/readyz", "/metrics"})

_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"


async def answer(owner: "Owner", scope: Scope, send: Send) -> None:
    """Answer a request for one of :data:`ENDPOINTS`; GET and HEAD only."""
    if scope["method"] not in {"GET", "HEAD"}:
        await _send(send, 405, b"use GET\n", _TEXT, extra=[(b"allow", b"GET, HEAD")])
        return
    status, body, content_type = await _page(owner, scope)
    await _send(send, status, b"" if scope["method"] == "HEAD" else body, content_type)


async def _page(owner: "Owner", scope: Scope) -> tuple[int, bytes, str]:
    if scope["path"] == "/metrics":
        accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
        # In a thread: with several workers it asks the others, and one of them may hang.
        page = await asyncio.to_thread(render, owner.metrics.registry, accept)
        return 200, *page
    if scope["path"] == "/readyz":
        ready, report = await owner.health.ready()
        return 200 if ready else 503, orjson.dumps(report), _JSON
    return 200, b"ok\n", _TEXT


async def _send(
    send: Send, status: int, body: bytes, content_type: str, *, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *(extra or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
