"""What one request leaves behind: a span, a metric, an access line, a request id."""

import asyncio

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from opentelemetry.trace import SpanKind, StatusCode
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import obskit

COUNT = "http_server_request_duration_seconds_count"


def routed_app():
    app = FastAPI()
    router = APIRouter(prefix="/v1")
    nested = APIRouter(prefix="/users/{uid}")
    sub = FastAPI()

    @app.get("/plain/{item}")
    async def plain(item: str):
        obskit.bind(item=item)
        obskit.get_logger("shop").info("item.seen")
        return {"item": item}

    @nested.get("/posts/{pid}")
    async def posts(uid: int, pid: int):
        return [uid, pid]

    @sub.get("/things/{tid}")
    async def things(tid: int):
        return tid

    @app.get("/broken")
    async def broken():
        raise KeyError("price")

    @app.get("/unavailable")
    async def unavailable():
        raise HTTPException(503, "no stock service")

    @app.get("/stream")
    async def stream():
        async def chunks():
            for _ in range(3):
                await asyncio.sleep(0)
                yield b"x"

        return StreamingResponse(chunks())

    @app.get("/cut")
    async def cut():
        async def chunks():
            yield b"x"
            raise ValueError("half way")

        return StreamingResponse(chunks())

    @app.get("/background")
    async def background(tasks: BackgroundTasks):
        def fails():
            raise RuntimeError("after the answer")

        tasks.add_task(fails)
        return "sent"

    router.include_router(nested)
    app.include_router(router)
    app.mount("/sub/{tenant}", sub)
    return app


@pytest.fixture
def client():
    app = obskit.instrument(routed_app())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://shop")


def get(client, path, **options):
    return asyncio.run(client.request(options.pop("method", "GET"), path, **options))


def labels(route, status="200", outcome="ok", error="", method="GET"):
    return {
        "http_request_method": method,
        "http_route": route,
        "http_response_status_code": status,
        "error_type": error,
        "outcome": outcome,
    }


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/plain/7", "/plain/{item}"),
        ("/v1/users/1/posts/2", "/v1/users/{uid}/posts/{pid}"),
        ("/sub/acme/things/3", "/sub/{tenant}/things/{tid}"),
    ],
)
def test_route_label_is_the_whole_template(captured, client, path, route):
    assert get(client, path).status_code == 200
    assert captured.value(COUNT, **labels(route)) == 1
    assert captured.span(f"GET {route}").attributes["http.route"] == route
    assert captured.events("http.request")[0]["route"] == route


def test_unknown_paths_and_methods_share_one_series(captured, client):
    for number in range(5):
        get(client, f"/nothing/{number}")
        get(client, "/nothing", method=f"RANDOM{number}")
    assert captured.value(COUNT, **labels("unmatched", "404", "client_error")) == 5
    assert captured.value(COUNT, **labels("unmatched", "404", "client_error", method="_OTHER")) == 5


def test_one_server_span_a_request_in_mounted_and_nested_apps(captured, client):
    for path in ("/plain/1", "/v1/users/1/posts/2", "/sub/acme/things/3", "/nothing", "/broken"):
        get(client, path)
    assert [span.kind for span in captured.spans] == [SpanKind.SERVER] * 5


def test_log_line_access_line_span_and_exemplar_share_the_trace(captured, client):
    response = get(client, "/plain/7", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    (line,) = captured.events("item.seen")
    (access,) = captured.events("http.request")
    span = captured.span("GET /plain/{item}")
    assert line["trace_id"] == access["trace_id"] == "a" * 32
    assert line["span_id"] == f"{span.context.span_id:016x}"
    assert span.parent.span_id == int("b" * 16, 16)
    assert access["item"] == line["item"] == "7"
    assert response.headers["x-request-id"] == access["request_id"] == "a" * 32
    page = get(client, "/metrics", headers={"accept": "application/openmetrics-text"}).text
    assert f'trace_id="{"a" * 32}"' in page


def test_unhandled_exception_is_on_the_access_line_and_nowhere_else(captured, client):
    response = get(client, "/broken", headers={"x-request-id": "abc-1"})
    assert response.status_code == 500
    assert response.headers["x-request-id"] == "abc-1"
    (line,) = [line for line in captured.lines if line["level"] == "error"]
    assert (line["event"], line["status"], line["outcome"]) == ("http.request", 500, "server_error")
    assert line["exception"]["type"] == "KeyError"
    span = captured.span("GET /broken")
    assert span.attributes["error.type"] == "KeyError"
    assert span.status.status_code is StatusCode.ERROR
    assert [event.name for event in span.events] == ["exception"]
    assert captured.value(COUNT, **labels("/broken", "500", "server_error", "KeyError")) == 1


def test_handled_5xx_is_a_server_error_by_its_status(captured, client):
    get(client, "/unavailable")
    assert captured.value(COUNT, **labels("/unavailable", "503", "server_error", "503")) == 1


def test_failure_after_the_first_chunk_is_a_server_error(captured, client):
    get(client, "/cut")
    assert captured.value(COUNT, **labels("/cut", "200", "server_error", "ValueError")) == 1


def test_failed_background_task_leaves_the_answer_ok_and_its_own_line(captured, client):
    assert get(client, "/background").status_code == 200
    assert captured.value(COUNT, **labels("/background")) == 1
    (line,) = captured.events("http.background_failed")
    assert line["exception"]["type"] == "RuntimeError"
    assert line["trace_id"] == captured.events("http.request")[0]["trace_id"]


def test_caller_that_goes_away_is_aborted_and_not_an_error(captured):
    async def endless(request):
        async def chunks():
            while True:
                yield b"x"
                await asyncio.sleep(0)

        return StreamingResponse(chunks())

    app = obskit.instrument(Starlette(routes=[Route("/endless", endless)]))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "GET",
        "path": "/endless",
    }
    scope |= {"headers": [], "query_string": b"", "root_path": "", "scheme": "http"}
    gone = asyncio.Event()
    sent = []

    async def receive():
        if sent:
            await gone.wait()
            return {"type": "http.disconnect"}
        sent.append(None)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        if message["type"] == "http.response.body":
            gone.set()

    asyncio.run(app(scope, receive, send))
    assert captured.value(COUNT, **labels("/endless", "200", "aborted")) == 1


def test_active_requests_returns_to_zero(captured, client):
    for path in ("/plain/1", "/broken", "/stream"):
        get(client, path)
    assert captured.value("http_server_active_requests", http_request_method="GET") == 0


def test_own_pages_make_no_line_no_span_and_no_series(captured, client):
    assert get(client, "/livez").status_code == 200
    assert get(client, "/metrics").status_code == 200
    assert get(client, "/metrics", method="POST").status_code == 405
    assert not captured.spans
    assert not captured.events("http.request")
    assert COUNT not in get(client, "/metrics").text


def test_every_series_on_the_page_has_the_service_name(captured, client):
    get(client, "/plain/1")
    samples = [line for line in get(client, "/metrics").text.splitlines() if not line.startswith("#")]
    assert samples
    assert all('service_name="testing"' in sample for sample in samples)


def test_instrument_before_init_after_start_and_twice(captured):
    obskit.shutdown()
    app = routed_app()
    assert obskit.instrument(obskit.instrument(app)) is app
    assert isinstance(app, FastAPI)
    obskit.init(service="late", log_format="none")
    transport = httpx.ASGITransport(app)
    page = get(httpx.AsyncClient(transport=transport, base_url="http://shop"), "/metrics").text
    assert 'service_name="late"' in page


def test_plain_starlette_with_mounts(captured):
    async def leaf(request):
        return PlainTextResponse("leaf")

    inner = Starlette(routes=[Route("/leaf/{x}", leaf)])
    app = obskit.instrument(Starlette(routes=[Mount("/a/{b}", routes=[Mount("/c", app=inner)])]))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
    assert get(client, "/a/1/c/leaf/2").status_code == 200
    assert captured.value(COUNT, **labels("/a/{b}/c/leaf/{x}")) == 1


def test_caller_request_id_that_is_not_safe_is_replaced(captured, client):
    response = get(client, "/plain/1", headers={"x-request-id": "bad id\twith spaces"})
    assert response.headers["x-request-id"] == captured.events("http.request")[0]["trace_id"]


def test_unknown_object_is_refused_with_what_is_accepted():
    with pytest.raises(obskit.InstrumentError, match="FastAPI, Starlette or Flask application"):
        obskit.instrument(object())
