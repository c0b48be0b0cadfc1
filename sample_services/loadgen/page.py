"""The page of metrics of a process that is no service."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

import uvicorn
from starlette.applications import Starlette

import obskit

__all__ = ["serving", "serving_on"]

_LOOPBACK = "127.0.0.1"


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()  # what ends the process is the caller's to say


@asynccontextmanager
async def serving_on(listening: socket.socket) -> AsyncIterator[None]:
    """Serve this process's metrics on *listening* while the block runs."""
    app = obskit.instrument(Starlette())
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def serving(port: int) -> AsyncIterator[None]:
    """Serve this process's metrics on *port* of the loopback interface while the block runs."""
    with socket.create_server((_LOOPBACK, port)) as listening:
        async with serving_on(listening):
            yield
