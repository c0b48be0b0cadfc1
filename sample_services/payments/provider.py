"""The payment provider: somebody else's HTTP service, with somebody else's bad days.

Start: ``python -m uvicorn --factory sample_services.payments.provider:create_app --port 8114``.
It is not instrumented: nobody sees inside a provider. ``GET`` and ``PUT /behaviour`` show and
set how it behaves; the routes are on the loopback interface like everything here.
"""

import asyncio
import random
import secrets
from collections import OrderedDict
from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from sample_services import faults_admin, problems
from sample_services.settings import Settings

__all__ = ["DECLINED_CENTS", "Behaviour", "create_app"]

DECLINED_CENTS = 666
"""An amount that is always declined, so that a test has one."""

_SEED = 1
_REMEMBERED = 100_000

Share = Annotated[float, Field(ge=0, le=1)]


class Behaviour(BaseModel):
    """How it behaves: delays in seconds, shares from 0 to 1."""

    model_config = ConfigDict(extra="forbid")

    delay_s: Annotated[float, Field(ge=0, le=60)] = 0.01
    slow_share: Share = 0.01
    slow_s: Annotated[float, Field(ge=0, le=60)] = 0.1
    error_share: Share = 0.02


class _Wanted(BaseModel):
    amount_cents: int


class _Provider:
    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self._chance = random.Random(_SEED)  # noqa: S311 - repeatable on purpose
        self._known: OrderedDict[str, JSONResponse] = OrderedDict()

    async def charge(self, key: str, wanted: _Wanted) -> JSONResponse:
        behaviour = self.behaviour
        is_slow = self._chance.random() < behaviour.slow_share
        await asyncio.sleep(behaviour.slow_s if is_slow else behaviour.delay_s)
        if self._chance.random() < behaviour.error_share:
            return JSONResponse({"error": "try again"}, HTTPStatus.SERVICE_UNAVAILABLE)
        if key not in self._known:
            self._known[key] = _decide(wanted)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[key]

    async def refund(self, key: str) -> JSONResponse:
        await asyncio.sleep(self.behaviour.delay_s)
        if self._chance.random() < self.behaviour.error_share:
            return JSONResponse({"error": "try again"}, HTTPStatus.SERVICE_UNAVAILABLE)
        self._known[key] = JSONResponse({"error": "refunded"}, HTTPStatus.CONFLICT)
        return JSONResponse({"status": "refunded"})


def _decide(wanted: _Wanted) -> JSONResponse:
    if wanted.amount_cents == DECLINED_CENTS:
        return JSONResponse({"error": "card_declined"}, HTTPStatus.PAYMENT_REQUIRED)
    return JSONResponse({"reference": f"ch_{secrets.token_hex(8)}"}, HTTPStatus.CREATED)


def create_app() -> FastAPI:
    """Build the provider; where a token is set, only who has it may change how it behaves."""
    token = Settings.load("provider").faults_token()
    provider = _Provider()
    app = FastAPI(title="provider")
    problems.install(app)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/charges")
    async def charge(wanted: _Wanted, key: Annotated[str, Header(alias="Idempotency-Key")]) -> JSONResponse:
        return await provider.charge(key, wanted)

    @app.post("/refunds")
    async def refund(key: Annotated[str, Header(alias="Idempotency-Key")]) -> JSONResponse:
        return await provider.refund(key)

    @app.get("/behaviour")
    async def show() -> Behaviour:
        return provider.behaviour

    @app.put("/behaviour")
    async def behave(wanted: Behaviour, request: Request) -> Behaviour:
        if token is not None:
            await faults_admin.guard(token)(request)
        provider.behaviour = wanted
        return wanted

    return app
