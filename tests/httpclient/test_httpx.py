"""Outbound HTTP: one span, one observation and the trace's headers for each request sent."""

import asyncio

import httpx
import pytest
from opentelemetry.trace import SpanKind, StatusCode

import obskit

COUNT = "http_client_request_duration_seconds_count"


def labels(template="", status="200", error=""):
    return {
        "http_request_method": "GET",
        "server_address": "stock",
        "url_template": template,
        "http_response_status_code": status,
        "error_type": error,
    }


def answering(status, seen):
    def handle(request):
        seen.append(request)
        return httpx.Response(status)

    return httpx.MockTransport(handle)


def test_request_carries_the_trace_of_the_span_around_it(captured):
    seen = []
    client = obskit.instrument(httpx.Client(transport=answering(200, seen)))
    with obskit.span("outer"):
        client.get("http://user:secret@stock/items/7?token=t", extensions={"url_template": "/items/{id}"})
    sent, outer = captured.span("GET /items/{id}"), captured.span("outer")
    assert sent.kind is SpanKind.CLIENT
    assert sent.parent.span_id == outer.context.span_id
    assert seen[0].headers["traceparent"].split("-")[1:3] == [
        f"{sent.context.trace_id:032x}",
        f"{sent.context.span_id:016x}",
    ]
    assert sent.attributes["url.full"] == "http://stock/items/7"
    assert captured.value(COUNT, **labels("/items/{id}")) == 1


def test_async_client_and_second_instrumentation(captured):
    async def run():
        client = obskit.instrument(obskit.instrument(httpx.AsyncClient(transport=answering(404, []))))
        async with client:
            return await client.get("http://stock/")

    asyncio.run(run())
    assert len(captured.spans) == 1
    assert captured.value(COUNT, **labels(status="404")) == 1
    assert captured.spans[0].status.status_code is StatusCode.ERROR


def test_failed_connection_is_recorded_by_its_class_and_raised_on(captured):
    def refuse(request):
        raise httpx.ConnectError("refused")

    client = obskit.instrument(httpx.Client(transport=httpx.MockTransport(refuse)))
    with pytest.raises(httpx.ConnectError):
        client.get("http://stock/")
    assert captured.value(COUNT, **labels(status="", error="ConnectError")) == 1


def test_5xx_answer_is_an_error_by_its_status(captured):
    obskit.instrument(httpx.Client(transport=answering(503, []))).get("http://stock/")
    assert captured.value(COUNT, **labels(status="503", error="503")) == 1


def test_redirects_are_one_request_each(captured):
    def redirect(request):
        return (
            httpx.Response(302, headers={"location": "/b"})
            if request.url.path == "/a"
            else httpx.Response(200)
        )

    client = obskit.instrument(httpx.Client(transport=httpx.MockTransport(redirect), follow_redirects=True))
    assert client.get("http://stock/a").status_code == 200
    assert len(captured.spans) == 2
