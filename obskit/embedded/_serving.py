"""Serves several applications from one process, each on a port of the loopback interface."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from obskit._typing import ASGIApp
from obskit.errors import StackError

__all__ = ["listen", "serve"]

_HOST = "127.0.0.1"


class _Server(uvicorn.Server):
    """One of the servers of a process: signals are taken for all of them together."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def serve(
    apps: Sequence[ASGIApp], listeners: Sequence[socket.socket], begin: Callable[[], None]
) -> None:
    """Serve each of *apps* on its listener, once *begin* has returned, until SIGTERM or SIGINT."""
    servers = [
        _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="on" if place == 0 else "off",  # one drain for the process
                ws="websockets-sansio",
                timeout_graceful_shutdown=5,
            )
        )
        for place, app in enumerate(apps)
    ]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop)
    await asyncio.to_thread(begin)
    await asyncio.gather(
        *(server.serve(sockets=[listener]) for server, listener in zip(servers, listeners, strict=True))
    )


def listen(port: int, options: str) -> socket.socket:
    """Listen on *port* of the loopback interface; *options* are those that choose another.

    Raises:
        StackError: the port is taken.
    """
    # Named TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        fix = f"Stop the program that uses it, or choose another with {options}."
        msg = f"Port {port} on {_HOST} cannot be used: {error.strerror}."
        raise StackError(msg, fix=fix) from error
    return listener
