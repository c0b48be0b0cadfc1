"""What cannot be observed is refused, and what fails in us does not fail the application."""

import asyncio

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry import propagate
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

import obskit
from obskit import _guard


@pytest.mark.parametrize(
    "target",
    [
        Request({"type": "http", "headers": []}),
        Response(),
        APIRouter(),
        CORSMiddleware(FastAPI()),
        FastAPI,
    ],
    ids=lambda target: type(target).__name__,
)
def test_what_is_no_application_is_refused(target):
    with pytest.raises(obskit.InstrumentError, match=r"pass (the|a) FastAPI(,| or) Starlette"):
        obskit.instrument(target)


def test_request_is_served_when_its_telemetry_cannot_start(captured, monkeypatch):
    def broken(*_arguments, **_options):
        raise ValueError("propagator")

    monkeypatch.setattr(propagate, "extract", broken)
    monkeypatch.setenv("OBSKIT_SWALLOW", "1")
    app = FastAPI()

    @app.get("/plain")
    async def plain():
        return "served"

    obskit.instrument(app)

    async def get():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
            return await client.get("/plain", headers={"traceparent": f"00-{1:032x}-{1:016x}-01"})

    assert asyncio.run(get()).json() == "served"
    assert _guard.failures["request telemetry"] == 1
