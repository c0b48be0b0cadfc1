"""Exercises every public call, for mypy only: nothing here runs."""

from collections.abc import AsyncIterator, Iterator

import httpx
import stamina
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from cashews import Cache
from fastapi import FastAPI
from flask import Flask
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from prometheus_client import Counter
from purgatory import AsyncCircuitBreakerFactory
from pybreaker import CircuitBreaker
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import obskit
import obskit.messaging

obs: obskit.Telemetry = obskit.init(
    service="orders", version="1.4", environment="test", log_level="info", log_dir="logs", shutdown_s=5
)
app: FastAPI = obskit.instrument(FastAPI())
flask_app: Flask = obskit.instrument(Flask("shop"))
asgi_app = obskit.ASGIMiddleware(app, route=lambda scope: str(scope["path_template"]))
wsgi_app = obskit.WSGIMiddleware(flask_app.wsgi_app, route=lambda environ: environ.get("obskit.route"))
engine: Engine = obskit.instrument(create_engine("sqlite://"))
async_engine: AsyncEngine = obskit.instrument(create_async_engine("sqlite+aiosqlite://"))
client: httpx.AsyncClient = obskit.instrument(httpx.AsyncClient())
connection: Client = obskit.instrument(Client())
log = obskit.get_logger("orders")
release: str = obskit.__version__
sold = Counter("orders_sold", "Orders sold.", registry=obs.registry)


@obskit.traced
def price(sku: str) -> float:
    with obskit.span("lookup", sku=sku) as span:
        span.set_attribute("found", True)
    return 1.0


carried: float = obskit.in_context(price)("A-1")


@obskit.traced
async def charge(amount: float) -> bool:
    return amount > 0


@obskit.traced
def rows() -> Iterator[int]:
    yield 1


@obskit.traced
async def pages() -> AsyncIterator[int]:
    yield 1


async def watch(jetstream: JetStreamContext) -> None:
    async def lag() -> obskit.QueueState:
        return obskit.QueueState(waiting=3, unacknowledged=1, redelivered=0, oldest_age_s=2.5)

    async with (
        obskit.watch_consumer(jetstream, stream="ORDERS", consumer="inventory", every_s=5),
        obskit.watch_queue(lag, destination="outbox", consumer="relay"),
    ):
        pass


async def send_to_kafka() -> None:
    headers: list[tuple[str, bytes]] = []
    async with obskit.produce(headers, destination="orders", system="kafka"):
        stored: dict[str, str] = obskit.message_headers()
        stored.clear()
    received = obskit.messaging.Message(system="kafka", headers=headers, delivery=2)
    async with obskit.consume(received, destination="orders") as handling:
        if handling.message.delivery > 1:
            handling.dead_letter("max_deliveries")


async def handle(message: Msg) -> None:
    async with obskit.consume(message, destination="orders.created"):
        obskit.bind(user_id=1)
        obskit.unbind("user_id")
        log.info("order.created", total=price("A-1"), paid=await charge(2))


async def database() -> None:
    obskit.add_check("database", database, timeout_s=1.0, critical=True)


budget = obskit.retry_budget("payments", ratio=0.2, burst=10, min_per_s=0.5)
breakers: AsyncCircuitBreakerFactory = obskit.instrument(AsyncCircuitBreakerFactory())
breaker: CircuitBreaker = obskit.instrument(CircuitBreaker(name="payments"))
cache: Cache = obskit.instrument(Cache(name="prices"))
scheduler = obskit.instrument(AsyncIOScheduler())


@stamina.retry(on=budget.on(httpx.TransportError), attempts=3)
async def pay(amount: float) -> bool:
    async with obskit.dependency("payments", "charge", retry_budget=budget) as span:
        span.set_attribute("amount", amount)
        async with await breakers.get_breaker("payments"):
            return await charge(amount)


@obskit.job("nightly-report", every="24h")
def report(day: str) -> int:
    try:
        with obskit.dependency("warehouse", "query"):
            return len(day)
    except TimeoutError:
        obskit.fallback("warehouse", "cached")
        return 0


@obskit.job("invoices", cron="0 3 * * *", timezone="Europe/Berlin")
async def invoices() -> None:
    with obskit.auth_check("password", subject="ada") as check:
        check.reject("bad_credentials")
        check.lock_out()
    async with obskit.auth_check("access_token") as token:
        reason: str | None = token.reason
    log.info("invoices.sent", lines=report("2026-11-22"), reason=reason, left=budget.remaining)


try:
    obskit.init(service="")
except (obskit.ConfigError, obskit.InstrumentError, obskit.MissingExtraError, obskit.StackError) as error:
    problem: obskit.ObskitError = error
obskit.shutdown()


def work() -> None:
    pages = obskit.serve_metrics(0, host="127.0.0.1")
    port: int = pages.port
    arrived: bool = obskit.push_metrics(f"http://127.0.0.1:{port}", job="import", timeout_s=2)
    if arrived:
        pages.close()
