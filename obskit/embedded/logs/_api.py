"""Puts the store behind Loki's HTTP API."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from obskit._version import __version__
from obskit.embedded.logs import _push, _tail
from obskit.embedded.logs._bodies import read_body
from obskit.embedded.logs._errors import PushError, QueryError
from obskit.embedded.logs._live import Live
from obskit.embedded.logs._otlp import read_otlp
from obskit.embedded.logs._params import Params
from obskit.embedded.logs._queries import Queries
from obskit.embedded.logs._store import Store

__all__ = ["Api"]

_PUSHES_AT_ONCE = 2
_FORM = "application/x-www-form-urlencoded"
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"

Answer = Callable[[Request], Awaitable[Response]]


class Api:
    """The routes of Loki's API, and of OTLP logs, over *store*."""

    def __init__(self, store: Store, queries: Queries, live: Live) -> None:
        self._store = store
        self._queries = queries
        self._live = live
        self._room = asyncio.Semaphore(_PUSHES_AT_ONCE)

    def loki_routes(self) -> Sequence[BaseRoute]:
        """Return the routes of Loki's API."""
        v1 = "/loki/api/v1"
        both = ["GET", "POST"]
        return [
            Route(f"{v1}/query_range", _answering(self._range), methods=both),
            Route(f"{v1}/query", _answering(self._instant), methods=both),
            Route(f"{v1}/labels", _answering(self._label_names), methods=both),
            Route(f"{v1}/label", _answering(self._label_names), methods=both),
            Route(f"{v1}/label/{{name}}/values", _answering(self._label_values), methods=both),
            Route(f"{v1}/series", _answering(self._series), methods=both),
            Route(f"{v1}/push", _answering(self._take_push), methods=["POST"]),
            Route(f"{v1}/status/buildinfo", _answering(_buildinfo), methods=["GET"]),
            Route("/ready", _answering(self._ready), methods=["GET"]),
            WebSocketRoute(f"{v1}/tail", self._follow),
        ]

    def otlp_routes(self) -> Sequence[BaseRoute]:
        """Return the route that takes OTLP logs."""
        return [Route("/v1/logs", _answering(self._otlp), methods=["POST"])]

    async def _range(self, request: Request) -> Response:
        return _json(await self._queries.range((await _params(request)).range()))

    async def _instant(self, request: Request) -> Response:
        params = await _params(request)
        params.limit()
        return _json(await self._queries.instant(params.text("query"), params.at()))

    async def _label_names(self, request: Request) -> Response:
        params = await _params(request)
        return _json(await self._queries.label_names(params.bounds(), params.text("query")))

    async def _label_values(self, request: Request) -> Response:
        params, name = await _params(request), request.path_params["name"]
        return _json(await self._queries.label_values(name, params.bounds(), params.text("query")))

    async def _series(self, request: Request) -> Response:
        params = await _params(request)
        return _json(await self._queries.series(params.all("match", "match[]"), params.bounds()))

    async def _ready(self, _request: Request) -> Response:
        await asyncio.to_thread(self._store.ping)
        return PlainTextResponse("ready\n")

    async def _take_push(self, request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not media_type:
            msg = "mime: no media type"
            raise PushError(msg)
        async with self._room:
            body = await read_body(request)
            read = _push.read_json if media_type == _JSON else _push.read_protobuf
            pushed = await asyncio.to_thread(read, body)
            await self._keep(pushed)
        if pushed.problem is not None:
            raise pushed.problem
        return Response(status_code=204)

    async def _otlp(self, request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in {_PROTOBUF, _JSON}:
            msg = f"content type {media_type[:40]!r} is not supported; send {_PROTOBUF} or {_JSON}"
            raise PushError(msg, status=415)
        async with self._room:
            body = await read_body(request)
            pushed = await asyncio.to_thread(read_otlp, body, is_json=media_type == _JSON)
            await self._keep(pushed)
        # An empty ExportLogsServiceResponse: everything was taken.
        return Response(b"{}" if media_type == _JSON else b"", media_type=media_type)

    async def _keep(self, pushed: _push.Pushed) -> None:
        batches = pushed.batches
        if batches:
            await asyncio.wrap_future(self._store.append(batches))

    async def _follow(self, websocket: Any) -> None:
        await _tail.serve(websocket, self._queries, self._live)


def _answering(answer: Answer) -> Answer:
    async def endpoint(request: Request) -> Response:
        try:
            return await answer(request)
        except (QueryError, PushError) as error:
            return PlainTextResponse(str(error), error.status, {"X-Content-Type-Options": "nosniff"})
        except sqlite3.Error as error:
            return PlainTextResponse(f"the log store failed: {error}", 503, {"Retry-After": "1"})

    return endpoint


async def _params(request: Request) -> Params:
    given = [*request.query_params.multi_items()]
    is_form = request.headers.get("content-type", "").startswith(_FORM)
    if request.method == "POST" and is_form:
        body = await read_body(request)
        given += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return Params(ImmutableMultiDict(given))


async def _buildinfo(_request: Request) -> Response:
    return _json(
        orjson.dumps({"version": "3.7.6", "revision": f"obskit-{__version__}", "branch": "", "goVersion": ""})
    )


def _json(body: bytes) -> Response:
    return Response(body, media_type=_JSON)
