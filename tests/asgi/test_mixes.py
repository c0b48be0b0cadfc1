"""Exactly one SERVER span a request, whoever else traces the application."""

import asyncio

import fastapi
import httpx
import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.opentelemetry import OpenTelemetryMiddleware as StarletteTelemetry
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import obskit

COUNT = "http_server_request_duration_seconds_count"


def routed(kind=FastAPI, sub=None, **options):
    """An application with a route, a nested router and a mounted application."""
    app = kind(**options)
    inner = sub or FastAPI()
    router, nested = APIRouter(prefix="/v1"), APIRouter(prefix="/users/{uid}")

    @app.get("/plain/{item}")
    async def plain(item: str):
        return item

    @app.get("/broken")
    async def broken():
        raise KeyError("price")

    @nested.get("/posts/{pid}")
    async def posts(uid: int, pid: int):
        return [uid, pid]

    @inner.get("/things/{tid}")
    async def things(tid: int):
        return tid

    router.include_router(nested)
    app.include_router(router)
    app.mount("/sub/{tenant}", inner)
    return app


def native(monkeypatch):
    return obskit.instrument(routed())


def native_in_its_own_words(monkeypatch):
    return obskit.instrument(routed(telemetry={"operation_spans": True, "tracing": True}))


def contrib_before(monkeypatch):
    app = routed()
    FastAPIInstrumentor.instrument_app(app)
    return obskit.instrument(app)


def contrib_after(monkeypatch):
    app = obskit.instrument(routed())
    FastAPIInstrumentor.instrument_app(app)
    return app


def contrib_everywhere(monkeypatch):
    instrumentor = FastAPIInstrumentor()
    instrumentor.instrument()
    try:
        return obskit.instrument(routed(fastapi.FastAPI, fastapi.FastAPI()))
    finally:
        monkeypatch.setattr(instrumentor, "_is_instrumented_by_opentelemetry", False)
        fastapi.FastAPI = FastAPI


def contrib_middleware_inside(monkeypatch):
    app = obskit.instrument(routed())
    app.add_middleware(OpenTelemetryMiddleware)
    return app


def contrib_middleware_outside(monkeypatch):
    return OpenTelemetryMiddleware(obskit.instrument(routed()))


def starlette_telemetry_inside(monkeypatch):
    app = obskit.instrument(routed())
    app.add_middleware(StarletteTelemetry)
    return app


def starlette_telemetry_outside(monkeypatch):
    return StarletteTelemetry(obskit.instrument(routed()))


def sub_instrumented_too(monkeypatch):
    return obskit.instrument(routed(sub=obskit.instrument(FastAPI())))


def sub_with_contrib(monkeypatch):
    sub = FastAPI()
    FastAPIInstrumentor.instrument_app(sub)
    return obskit.instrument(routed(sub=sub))


MIXES = (
    native,
    native_in_its_own_words,
    contrib_before,
    contrib_after,
    contrib_everywhere,
    contrib_middleware_inside,
    contrib_middleware_outside,
    starlette_telemetry_inside,
    starlette_telemetry_outside,
    sub_instrumented_too,
    sub_with_contrib,
)
ROUTES = {
    "/plain/7": "/plain/{item}",
    "/v1/users/1/posts/2": "/v1/users/{uid}/posts/{pid}",
    "/sub/acme/things/3": "/sub/{tenant}/things/{tid}",
    "/broken": "/broken",
    "/nothing": "unmatched",
}


def get(app, path, **headers):
    async def run():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(run())


def server_spans(captured):
    return [span for span in captured.spans if span.kind is SpanKind.SERVER]


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.__name__)
@pytest.mark.parametrize("path", ROUTES)
def test_one_server_span_with_the_route(captured, monkeypatch, mix, path):
    response = get(mix(monkeypatch), path, traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    (span,) = server_spans(captured)
    (line,) = captured.events("http.request")
    assert line["route"] == ROUTES[path]
    # Starlette's middleware, outside of ours, writes its own idea of the route over ours at the end.
    assert span.attributes["http.route"] == ROUTES[path] or mix is starlette_telemetry_outside
    assert span.attributes["request.id"] == "a" * 32
    assert f"{span.context.trace_id:032x}" == line["trace_id"] == "a" * 32
    assert f"{span.context.span_id:016x}" == line["span_id"]
    assert response.headers["x-request-id"] == "a" * 32
    observed = [sample for sample in captured.telemetry.registry.collect() if sample.name in COUNT]
    assert sum(each.value for family in observed for each in family.samples if each.name == COUNT) == 1


def test_application_that_calls_itself_has_a_span_for_each_request(captured):
    app = FastAPI()
    inside = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")

    @app.get("/inner")
    async def inner():
        return 1

    @app.get("/outer")
    async def outer():
        return (await inside.get("/inner")).json()

    get(obskit.instrument(app), "/outer")
    assert sorted(span.name for span in server_spans(captured)) == ["GET /inner", "GET /outer"]


def test_instrumented_application_under_one_that_is_not(captured):
    sub = obskit.instrument(FastAPI())

    @sub.get("/things/{tid}")
    async def things(tid: int):
        return tid

    outer = FastAPI()
    outer.mount("/sub/{tenant}", sub)
    get(outer, "/sub/acme/things/3")
    (span,) = server_spans(captured)
    (line,) = captured.events("http.request")
    assert span.attributes["http.route"] == line["route"] == "/sub/{tenant}/things/{tid}"


def test_instrumented_starlette_under_one_that_is_not(captured):
    async def leaf(request):
        return PlainTextResponse("leaf")

    sub = obskit.instrument(Starlette(routes=[Route("/leaf/{x}", leaf)]))
    outer = Starlette(routes=[Mount("/sub/{tenant}", sub)])
    get(outer, "/sub/acme/leaf/3")
    assert captured.events("http.request")[0]["route"] == "/sub/{tenant}/leaf/{x}"


def test_starlette_with_its_own_telemetry(captured):
    async def leaf(request):
        return PlainTextResponse("leaf")

    middleware = [Middleware(StarletteTelemetry)]
    app = obskit.instrument(Starlette(routes=[Route("/leaf/{x}", leaf)], middleware=middleware))
    get(app, "/leaf/1")
    (span,) = server_spans(captured)
    assert span.name == "GET /leaf/{x}"


def test_span_is_exported_by_us_alone(captured, monkeypatch):
    """FastAPI that is told to export would send each span a second time."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    app = obskit.instrument(routed(telemetry={"auto_configure": True}))
    before = captured.telemetry.tracing.provider._active_span_processor._span_processors

    async def start_and_stop():
        sent = []
        messages = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        return sent

    assert asyncio.run(start_and_stop()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert captured.telemetry.tracing.provider._active_span_processor._span_processors == before
