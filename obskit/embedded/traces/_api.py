"""Tempo's query API over the store, as a Starlette application for port 3200."""

import platform
import sqlite3
from collections.abc import Callable, Sequence

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from obskit._version import __version__
from obskit.embedded.traces._errors import RequestError
from obskit.embedded.traces._names import tag_names, tag_values, v1_attribute
from obskit.embedded.traces._params import SearchParams, search_params, tag_params, trace_id_of
from obskit.embedded.traces._printed import printed_batches, trace_json, trace_message
from obskit.embedded.traces._reads import Reads, Snapshot
from obskit.embedded.traces._search import search
from obskit.embedded.traces.traceql import Attribute, QueryError, parse, parse_attribute

__all__ = ["tempo_app"]

_JSON = "application/json"
_PROTOBUF = "application/protobuf"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_NO_METRICS = b',"metrics":{"completedJobs":1,"totalJobs":1}}'


def tempo_app(reads: Reads, metrics: Callable[[], bytes]) -> Starlette:
    """Return Tempo's query API over *reads*; *metrics* makes the page of the generator."""
    api = _Api(reads, metrics)
    get = ["GET"]
    routes = [
        Route("/ready", api.ready, methods=get),
        Route("/metrics", api.metrics, methods=get),
        Route("/api/echo", api.echo, methods=get),
        Route("/api/status/buildinfo", api.buildinfo, methods=get),
        Route("/api/traces/{trace_id}", api.trace_v1, methods=get),
        Route("/api/v2/traces/{trace_id}", api.trace_v2, methods=get),
        Route("/api/search", api.search, methods=get),
        Route("/api/search/tags", api.tags_v1, methods=get),
        Route("/api/v2/search/tags", api.tags_v2, methods=get),
        Route("/api/search/tag/{tag:path}/values", api.values_v1, methods=get),
        Route("/api/v2/search/tag/{tag:path}/values", api.values_v2, methods=get),
        Route("/api/metrics/{rest:path}", api.elsewhere, methods=get),
    ]
    handlers = {
        RequestError: _refused,
        QueryError: _unreadable,
        sqlite3.Error: _failed,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


class _Api:
    def __init__(self, reads: Reads, metrics: Callable[[], bytes]) -> None:
        self._reads = reads
        self._metrics = metrics

    async def ready(self, _: Request) -> Response:
        return _text(200, "ready\n")

    async def echo(self, _: Request) -> Response:
        return _text(200, "echo\n")

    async def metrics(self, _: Request) -> Response:
        return Response(self._metrics(), media_type=_METRICS)

    async def buildinfo(self, _: Request) -> Response:
        content = {
            "version": __version__,
            "revision": "",
            "branch": "",
            "buildUser": "obskit",
            "buildDate": "",
            "goVersion": f"none; Python {platform.python_version()}",
        }
        return Response(orjson.dumps(content), media_type=_JSON)

    async def trace_v1(self, request: Request) -> Response:
        return await self._trace(request, version=1)

    async def trace_v2(self, request: Request) -> Response:
        return await self._trace(request, version=2)

    async def search(self, request: Request) -> Response:
        params = search_params(request.query_params)
        texts = [request.query_params.get(name) for name in ("query", "q")]
        answer = await self._reads.run(lambda snapshot: _searched(snapshot, params, texts))
        return Response(answer, media_type=_JSON)

    async def tags_v1(self, request: Request) -> Response:
        params = tag_params(request.query_params)
        named = await self._reads.run(lambda snapshot: tag_names(snapshot, params))
        if not params.scope:
            named.pop("intrinsic", None)
        return _listed("tagNames", sorted({name for names in named.values() for name in names}))

    async def tags_v2(self, request: Request) -> Response:
        params = tag_params(request.query_params)
        named = await self._reads.run(lambda snapshot: tag_names(snapshot, params))
        return _listed("scopes", [{"name": scope, "tags": names} for scope, names in named.items()])

    async def values_v1(self, request: Request) -> Response:
        params, attribute = tag_params(request.query_params), v1_attribute(request.path_params["tag"])
        found = await self._reads.run(lambda snapshot: tag_values(snapshot, attribute, params))
        return _listed("tagValues", list(dict.fromkeys(text for _, text in found)))

    async def values_v2(self, request: Request) -> Response:
        params, tag = tag_params(request.query_params), request.path_params["tag"]
        found = await self._reads.run(lambda snapshot: tag_values(snapshot, _attribute(tag), params))
        return _listed("tagValues", [{"type": kind, "value": text} for kind, text in found])

    async def elsewhere(self, request: Request) -> Response:
        msg = f"{request.url.path[:100]} is not supported by the embedded trace store; Tempo can answer it"
        raise RequestError(msg)

    async def _trace(self, request: Request, *, version: int) -> Response:
        trace_id = trace_id_of(request.path_params["trace_id"])
        batches = await self._reads.run(lambda snapshot: _batches(snapshot, trace_id))
        if batches is None and version == 1:
            return Response(status_code=404)
        if _PROTOBUF in request.headers.get("accept", ""):
            return Response(trace_message(batches, version=version), media_type=_PROTOBUF)
        return Response(trace_json(batches, version=version), media_type=_JSON)


def _searched(snapshot: Snapshot, params: SearchParams, texts: Sequence[str | None]) -> bytes:
    # Reading a long query takes its time, too. Tempo validates query besides q, and does not run it.
    _, pipeline = [parse(text) if text else None for text in texts]
    return search(snapshot, params, pipeline)


def _attribute(tag: str) -> Attribute:
    try:
        return parse_attribute(tag)
    except QueryError as error:
        msg = f"tag name is not valid intrinsic or scoped attribute: {tag[:200]}"
        raise RequestError(msg) from error


def _batches(snapshot: Snapshot, trace_id: bytes) -> bytes | None:
    row = snapshot.find(trace_id)
    return None if row is None else printed_batches(snapshot, row)


def _listed(name: str, content: object) -> Response:
    return Response(orjson.dumps({name: content})[:-1] + _NO_METRICS, media_type=_JSON)


async def _refused(_: Request, error: Exception) -> Response:
    return _text(error.status if isinstance(error, RequestError) else 400, str(error))


async def _unreadable(_: Request, error: Exception) -> Response:
    return _text(400, f"invalid TraceQL query: {error}")


async def _failed(_: Request, error: Exception) -> Response:
    return _text(500, f"the trace store failed: {error}; look at the disk and at the backend's log")


def _text(status: int, text: str) -> Response:
    return Response(text, status, media_type="text/plain; charset=utf-8")
