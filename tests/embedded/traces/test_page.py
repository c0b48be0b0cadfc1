"""The generator's metrics on the page of an instrumented application."""

import asyncio

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route


@pytest.fixture
def page(filled):
    """Fetches a page of an application with metrics of its own, in a format."""
    registry = CollectorRegistry()
    Counter("own", "Of the application.", registry=registry).inc()

    async def fetch_page(make, path):
        async def metrics(_):
            return StreamingResponse(iter([make(registry)[:9], make(registry)[9:]]))

        app = Starlette(
            routes=[Route("/metrics", metrics), Route("/ready", lambda _: PlainTextResponse("ready"))]
        )
        transport = httpx.ASGITransport(filled.backend.with_metrics(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path)

    return lambda make, path="/metrics": asyncio.run(fetch_page(make, path))


def test_adds_to_a_page_of_text(page):
    families = {family.name for family in read_text((page(generate_latest)).text)}
    assert {"own", "traces_spanmetrics_calls", "traces_service_graph_request"} <= families


def test_adds_to_a_page_of_openmetrics(page):
    answer = page(openmetrics)
    assert answer.text.endswith("# EOF\n")
    families = {family.name for family in read_openmetrics(answer.text)}
    assert {"own", "traces_spanmetrics_calls", "traces_spanmetrics_latency"} <= families


def test_leaves_other_pages_alone(page):
    assert (page(generate_latest, "/ready")).text == "ready"
    assert (page(generate_latest, "/nothing")).status_code == 404
