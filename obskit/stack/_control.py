"""Takes the orders to switch faults of the stack: the same routes as a sample service has, with the token.

The server of the standard library in a thread of its own: a framework would cost the supervisor
more memory than everything else in it.
"""

import asyncio
import hmac
import json
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from obskit.errors import StackError
from obskit.stack._home import Home
from obskit.stack._ports import LOOPBACK
from obskit.stack._switchboard import Switchboard, SwitchError

__all__ = ["serving"]

_log = logging.getLogger(__name__)

_PREFIX = "/admin/faults"
_MOST_BYTES = 1024
_READ_S = 5.0
_SWITCH_S = 30.0


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, home: Home, board: Switchboard, loop: asyncio.AbstractEventLoop) -> None:
        self.home, self.board, self.loop = home, board, loop
        super().__init__((LOOPBACK, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _READ_S
    _given = b""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(self._list)

    def do_POST(self) -> None:
        self._answer(self._turn_on)

    def do_DELETE(self) -> None:
        self._answer(self._turn_off)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class has
        _log.debug(format, *args)

    def _answer(self, do: Callable[[], Any]) -> None:
        status, body = HTTPStatus.OK, b""
        # Read first, whoever asks: to close with bytes unread would take the answer back.
        self._given = self._read()
        try:
            self._require_token()
            body = json.dumps(do()).encode()
        except _RefusedError as error:
            status, body = error.status, _problem(error.status, str(error))
        except SwitchError as error:
            status = HTTPStatus.NOT_FOUND if error.is_unknown else HTTPStatus.UNPROCESSABLE_ENTITY
            body = _problem(status, str(error))
        self.send_response(status)
        kind = "application/json" if status == HTTPStatus.OK else "application/problem+json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Connection", "close")  # what is left of a body must not be taken for a request
        self.end_headers()
        self.wfile.write(body)

    def _require_token(self) -> None:
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        try:
            token = self.server.home.token()
        except StackError as error:
            raise _RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        is_right = hmac.compare_digest(given.strip().encode(), token.encode())
        if scheme.lower() != "bearer" or not is_right:
            detail = "Send the header 'Authorization: Bearer <token>'; the token is in secrets/admin_token of the home."
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, detail)

    def _list(self) -> Any:
        if self.path != _PREFIX:
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"There is only {_PREFIX} here.")

        async def status() -> Any:
            return self.server.board.status()

        return {"faults": self._do(status())}

    def _turn_on(self) -> Any:
        return self._do(self.server.board.turn_on(self._fault_id(), self._level()))

    def _turn_off(self) -> Any:
        return self._do(self.server.board.turn_off(self._fault_id()))

    def _fault_id(self) -> str:
        prefix, _, fault_id = self.path.rpartition("/")
        if prefix != _PREFIX:
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"There is only {_PREFIX}/<id> here.")
        return fault_id

    def _read(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        is_short = length.isdecimal() and int(length) <= _MOST_BYTES
        try:
            return self.rfile.read(int(length)) if is_short else b""
        except OSError:  # it does not come, or not in time
            return b""

    def _level(self) -> int:
        accepted = 'send a body such as {"level": 100}.'
        if not self._given:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"The body is missing or too long; {accepted}")
        try:
            wanted = json.loads(self._given)
        except ValueError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"The body is not JSON; {accepted}") from error
        level = wanted.get("level") if isinstance(wanted, dict) and wanted.keys() == {"level"} else None
        if not isinstance(level, int) or isinstance(level, bool):
            raise _RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, f"The body has no level; {accepted}")
        return level

    def _do(self, switching: Coroutine[Any, Any, Any]) -> Any:
        """Let the supervisor's own thread do it: nobody else touches its processes."""
        try:
            return asyncio.run_coroutine_threadsafe(switching, self.server.loop).result(_SWITCH_S)
        except (TimeoutError, CancelledError, RuntimeError) as error:
            switching.close()
            detail = "The stack is being stopped, or does not answer in time."
            raise _RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, detail) from error


def _problem(status: HTTPStatus, detail: str) -> bytes:
    return json.dumps({"title": status.phrase, "status": int(status), "detail": detail}).encode()


@contextmanager
def serving(port: int | None, home: Home, board: Switchboard) -> Iterator[None]:
    """Take orders on *port* of the loopback interface while the block runs; None: take none.

    A port that is taken meanwhile, by whoever it is, is no reason not to watch the processes.
    """
    server = _server(port, home, board) if port is not None else None
    if server is None:
        yield
        return
    threading.Thread(target=server.serve_forever, name="obskit-control", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _server(port: int, home: Home, board: Switchboard) -> _Server | None:
    try:
        return _Server(port, home, board, asyncio.get_running_loop())
    except OSError as error:
        _log.warning("faults of the stack cannot be switched: port %d: %s", port, error)
        return None
