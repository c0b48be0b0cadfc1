"""Serves ``/loki/api/v1/tail``: old lines first, then each new one, over a websocket."""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from typing import Any

import orjson
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from obskit.embedded.logs._errors import QueryError
from obskit.embedded.logs._live import Follower, Live
from obskit.embedded.logs._params import MAX_LIMIT, Params
from obskit.embedded.logs._queries import Queries
from obskit.embedded.logs.logql import Found, Labels, LogQuery, Logs, parse_logs, select

__all__ = ["serve"]

_MOST_DELAY_S = 5
_GATHER_S = 0.05
_FAILED = 1011
_OVERLAP_S = 5.0


async def serve(websocket: WebSocket, queries: Queries, live: Live) -> None:
    """Answer one who tails, until one of both ends it."""
    try:
        params = Params(websocket.query_params)
        query = await asyncio.to_thread(parse_logs, params.text("query"))  # a long one takes its time
        start, limit = params.bounds().start, params.limit()
        _check_delay(params)
        follower = Follower(query, asyncio.get_running_loop())
        live.join(follower)
    except QueryError as error:
        await websocket.send_denial_response(PlainTextResponse(str(error), error.status))
        return
    try:
        await websocket.accept()
        await _until_one_ends(websocket, _follow(websocket, follower, queries, (query, start, limit)))
    finally:
        live.leave(follower)


async def _until_one_ends(websocket: WebSocket, follow: Coroutine[Any, Any, None]) -> None:
    following, closing = asyncio.create_task(follow), asyncio.create_task(_until_closed(websocket))
    try:
        await asyncio.wait({following, closing}, return_when=asyncio.FIRST_COMPLETED)
        if not closing.done():
            await websocket.close(_FAILED, reason=str(following.exception())[:100])
    finally:
        following.cancel()
        closing.cancel()
        await asyncio.gather(following, closing, return_exceptions=True)


def _check_delay(params: Params) -> None:
    text = params.text("delay_for") or "0"
    if not text.isdigit():
        msg = f'strconv.Atoi: parsing "{text[:40]}": invalid syntax'
        raise QueryError(msg)
    if int(text) > _MOST_DELAY_S:
        msg = f"delay_for can't be greater than {_MOST_DELAY_S}"
        raise QueryError(msg)


async def _until_closed(websocket: WebSocket) -> None:
    try:
        while True:
            await websocket.receive_text()
    except (WebSocketDisconnect, KeyError):  # KeyError: the client sent bytes
        return


async def _follow(
    websocket: WebSocket, follower: Follower, queries: Queries, asked: tuple[Logs, int, int]
) -> None:
    query, start, limit = asked
    # Lines that come while the old ones are read wait with the follower and may be among both.
    now = time.time_ns()
    wanted = LogQuery(query, start, now, min(limit, MAX_LIMIT))
    old = await queries.run(lambda reader, deadline: select(wanted, reader, deadline))
    seen, until = set(old), time.monotonic() + _OVERLAP_S
    await _send(websocket, reversed(old), 0)
    while True:
        lines = [found for found in await follower.take() if found not in seen]
        dropped, follower.dropped = follower.dropped, 0
        await _send(websocket, lines, dropped)
        if seen and time.monotonic() > until:
            seen = set()
        await asyncio.sleep(_GATHER_S)


async def _send(websocket: WebSocket, lines: Iterable[Found], dropped: int) -> None:
    streams: dict[Labels, list[tuple[str, str]]] = {}
    for ts, labels, text in lines:
        streams.setdefault(labels, []).append((str(ts), text))
    if not streams and not dropped:
        return
    message: dict[str, object] = {
        "streams": [{"stream": dict(labels), "values": values} for labels, values in streams.items()]
    }
    if dropped:
        message["dropped_entries"] = [{"labels": {}, "timestamp": str(time.time_ns())}] * min(dropped, 100)
    await websocket.send_text(orjson.dumps(message).decode())
