"""Websockets, message by message: outcomes and close codes that a real server makes rarely."""

import asyncio
import contextlib

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect, WebSocketException
from opentelemetry.trace import SpanKind, StatusCode
from starlette.responses import PlainTextResponse

import obskit

COUNT = "obskit_websocket_connection_duration_seconds_count"


def application():
    app = FastAPI()

    @app.websocket("/closes/{code}")
    async def closes(websocket: WebSocket, code: int):
        await websocket.accept()
        await websocket.close(code)

    @app.websocket("/listens")
    async def listens(websocket: WebSocket):
        obskit.bind(user="u1")
        await websocket.accept()
        while True:
            await websocket.receive_text()

    @app.websocket("/denies")
    async def denies(websocket: WebSocket):
        await websocket.send_denial_response(PlainTextResponse("no", 429))

    @app.websocket("/policy")
    async def policy(websocket: WebSocket):
        raise WebSocketException(1008)

    return obskit.instrument(app)


def talk(path, *incoming):
    """Serve one connection; return what the application sent."""
    sent = []
    messages = iter(({"type": "websocket.connect"}, *incoming))
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"token=s3cret",
        "root_path": "",
        "headers": [],
        "subprotocols": [],
        "server": ("127.0.0.1", 80),
        "extensions": {"websocket.http.response": {}},
    }

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    async def serve():
        with contextlib.suppress(WebSocketDisconnect):  # let through when the client has gone
            await application()(scope, receive, send)

    asyncio.run(serve())
    return sent


def observed(captured, route, code, outcome, error=""):
    labels = {"http_route": route, "close_code": code, "outcome": outcome, "error_type": error}
    return captured.value(COUNT, **labels)


@pytest.mark.parametrize(
    ("code", "label", "outcome"),
    [
        (1000, "1000", "ok"),
        (1001, "1001", "ok"),
        (1003, "1003", "client_error"),
        (1011, "1011", "server_error"),
        (1013, "1013", "server_error"),
        (4401, "application", "ok"),
        (2999, "_OTHER", "server_error"),
    ],
)
def test_close_codes_are_bounded_and_say_the_outcome(captured, code, label, outcome):
    talk(f"/closes/{code}")
    error = str(code) if outcome == "server_error" else ""
    assert observed(captured, "/closes/{code}", label, outcome, error) == 1
    (line,) = captured.events("websocket.closed")
    assert (line["close_code"], line["outcome"], line["route"]) == (code, outcome, "/closes/{code}")


def test_client_that_leaves_without_a_close_is_aborted_and_no_error(captured):
    message = {"type": "websocket.receive", "text": "hello"}
    talk("/listens", message, message, {"type": "websocket.disconnect", "code": 1006})
    assert observed(captured, "/listens", "1006", "aborted") == 1
    (line,) = captured.events("websocket.closed")
    assert (line["level"], line["messages_in"], line["messages_out"], line["user"]) == ("info", 2, 0, "u1")
    (span,) = captured.spans
    assert (span.kind, span.status.status_code) == (SpanKind.SERVER, StatusCode.UNSET)
    assert span.attributes["obskit.websocket.messages_in"] == 2


def test_refused_handshake_is_an_error_of_the_client(captured):
    sent = talk("/denies")
    assert observed(captured, "/denies", "", "client_error") == 1
    assert captured.spans[0].attributes["http.response.status_code"] == 429
    assert (b"x-request-id", captured.events("websocket.closed")[0]["trace_id"].encode()) in sent[0][
        "headers"
    ]
    talk("/policy")
    assert observed(captured, "/policy", "", "client_error") == 1


def test_unknown_path_is_unmatched_and_bounded(captured):
    for number in range(3):
        talk(f"/nothing/{number}")
    assert observed(captured, "unmatched", "", "client_error") == 3
    assert captured.value("obskit_websocket_active_connections") is None


def test_query_is_in_no_line(captured):
    talk("/closes/1000")
    assert "s3cret" not in str(captured.lines)
