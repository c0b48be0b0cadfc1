"""The console's door: who may come in, what a page may load, and which requests are observed.

Two attacks reach a server on the loopback interface through the browser of whoever sits there:
a page of another origin that sends requests or opens a socket, and a name of somebody else's
that is made to point here (DNS rebinding). The first has another ``Origin``, the second another ``Host``.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from obskit._typing import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Door"]

_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_PARTS = ("/_nicegui/", "/_nicegui_ws/", "/static/")
_FORBIDDEN = 403
_POLICY_VIOLATION = 1008
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = (
    (
        b"content-security-policy",
        # NiceGUI writes its pages as inline scripts and makes functions from text. What the policy
        # still ends: code and pictures from elsewhere, sending anything elsewhere, being framed.
        b"; ".join(
            (
                b"default-src 'self'",
                b"script-src 'self' 'unsafe-inline' 'unsafe-eval'",
                b"style-src 'self' 'unsafe-inline'",
                b"img-src 'self' data:",
                b"font-src 'self' data:",
                b"object-src 'none'",
                b"base-uri 'none'",
                b"form-action 'self'",
                b"frame-ancestors 'none'",
            )
        ),
    ),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


class Door:
    """An ASGI application before two others.

    Args:
        app: answers pages; it may be observed.
        parts: answers scripts, styles and sockets of pages, a hundred for each page, which are not.
        hosts: names that it answers to, beside those of this machine.
    """

    def __init__(self, app: ASGIApp, parts: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self.app = app
        self._parts = parts
        self._hosts = _HOSTS | frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = _refusal(scope, self._hosts)
        if refusal:
            await _refuse(scope, send, refusal)
            return
        is_part = scope["type"] == "websocket" or scope["path"].startswith(_PARTS)
        await (self._parts if is_part else self.app)(scope, receive, _with_headers(send))


def _refusal(scope: Scope, hosts: frozenset[str]) -> str:
    """Return why a connection is not served, or nothing."""
    headers = scope["headers"]
    host = _header(headers, b"host")
    if urlsplit(f"//{host}").hostname not in hosts:
        return "This console answers to 127.0.0.1 and localhost only."
    origin = _header(headers, b"origin")
    # A browser names the origin of every socket and of every request that may change something.
    must_tell = scope["type"] == "websocket"
    if (origin or must_tell) and urlsplit(origin).netloc != host:
        return "Another page's requests are not answered."
    is_foreign = _header(headers, b"sec-fetch-site") in {"cross-site", "same-site"}
    if is_foreign and (must_tell or scope.get("method", "GET") not in _SAFE):
        return "Another page's requests are not answered."
    return ""


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    found = [value for key, value in headers if key == name]
    # Two of them are a trick, never a browser.
    return found[0].decode("latin-1") if len(found) == 1 else ""


async def _refuse(scope: Scope, send: Send, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": text})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS]
    await send({"type": "http.response.start", "status": _FORBIDDEN, "headers": headers})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending
