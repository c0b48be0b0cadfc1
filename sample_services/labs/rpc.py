"""NATS request-reply as another door to a service, beside its HTTP: for the lab that compares them.

Start: ``python -m uvicorn --factory sample_services.labs.rpc:inventory``, or ``:payments``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx
import nats.errors
import orjson
from fastapi import FastAPI
from nats.aio.client import Client
from nats.aio.msg import Msg

import obskit
from sample_services.inventory.app import create_app as create_inventory
from sample_services.payments.app import create_app as create_payments
from sample_services.settings import Settings
from sample_services.upstream import Upstream, UpstreamError

__all__ = ["RpcUpstream", "inventory", "payments"]

_SUBJECTS = {"inventory": "rpc.inventory", "payments": "rpc.payments"}


class RpcUpstream(Upstream):
    """A service that is asked over NATS; it answers what it would over HTTP."""

    def __init__(self, name: str, client: Client, *, timeout_s: float) -> None:
        super().__init__(name, "http://nats.invalid", timeout_s=timeout_s)
        self._nats = client
        self._wait_s = timeout_s

    async def send(self, method: str, path: str, *, template: str, **options: Any) -> httpx.Response:
        """Send one request and return the answer, as :meth:`Upstream.send` does over HTTP."""
        del template  # the subject says whom it is for
        question = orjson.dumps({"method": method, "path": path, "json": options.get("json")})
        try:
            message = await self._nats.request(_SUBJECTS[self.name], question, timeout=self._wait_s)
        except nats.errors.NoRespondersError as error:
            raise UpstreamError(HTTPStatus.BAD_GATEWAY, f"{self.name} is not there.") from error
        except (nats.errors.Error, TimeoutError, OSError) as error:
            detail = f"{self.name} did not answer in time."
            raise UpstreamError(HTTPStatus.GATEWAY_TIMEOUT, detail) from error
        answer = orjson.loads(message.data)
        response = httpx.Response(answer["status"], json=answer["body"])
        if response.is_server_error:
            raise UpstreamError(HTTPStatus.BAD_GATEWAY, f"{self.name} failed.", is_answered=True)
        return response


def inventory() -> FastAPI:
    """Build the inventory service with both doors."""
    return _with_rpc(create_inventory(), "inventory")


def payments() -> FastAPI:
    """Build the payments service with both doors."""
    return _with_rpc(create_payments(), "payments")


def _with_rpc(app: FastAPI, name: str) -> FastAPI:
    own = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[Any]:
        async with own(application) as state, _answering(application, name):
            yield state

    app.router.lifespan_context = lifespan
    return app


@asynccontextmanager
async def _answering(app: FastAPI, name: str) -> AsyncIterator[None]:
    """Hand every request that comes over NATS to *app*, and its answer back, while the block runs."""
    client: Client = obskit.instrument(Client())
    await client.connect(Settings.load(name).nats_url, name=f"{name}-rpc")
    tasks: set[asyncio.Task[None]] = set()
    inside = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside")

    async def answer(message: Msg) -> None:
        async with obskit.consume(message, destination=message.subject):
            asked = orjson.loads(message.data)
            found = await inside.request(asked["method"], asked["path"], json=asked["json"])
            await message.respond(orjson.dumps({"status": found.status_code, "body": found.json()}))

    async def take(message: Msg) -> None:
        # A task of its own: requests do not wait for each other.
        task = asyncio.create_task(answer(message))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    await client.subscribe(_SUBJECTS[name], cb=take)
    try:
        yield
    finally:
        await client.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await inside.aclose()
