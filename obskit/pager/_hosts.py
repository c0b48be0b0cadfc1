"""Answers only to its own names: a web page whose name was re-pointed at this machine gets nothing."""

import ipaddress
from collections.abc import Iterable

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["OwnHosts"]

_READ_AWAY = 65_536
"""Bytes of a refused request that are read; who sends more may lose the answer."""


class OwnHosts:
    """Refuses requests whose ``Host`` is another's, with 421.

    Accepted are addresses, ``localhost``, names without a dot (of a container network; the
    public DNS has none) and *names*. A page on the web can reach a loopback address only by
    a name of its own, which is none of these.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is meant for this pager."""
        if scope["type"] != "http" or self._is_own(Headers(scope=scope).getlist("host")):
            await self._app(scope, receive, send)
            return
        error = {
            "error": "The Host header names another machine.",
            "fix": "Use http://127.0.0.1 and the port, or start the pager with --base-url of that name.",
        }
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await _read_away(receive)
        await send({"type": "http.response.start", "status": 421, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(error)})

    def _is_own(self, hosts: list[str]) -> bool:
        if len(hosts) != 1:
            return False
        name = _without_port(hosts[0].lower())
        if name in self._names or (name and "." not in name and ":" not in name):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


async def _read_away(receive: Receive) -> None:
    """Read a small body: where one is left unread the connection is reset, and the answer is lost with it."""
    left = _READ_AWAY
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body"):
            return


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.partition(":")
    return name if not colon or port.isdigit() else ""
