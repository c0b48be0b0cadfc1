"""Exercises every public call, for mypy only: nothing here runs."""

from collections.abc import AsyncIterator, Iterator

import httpx
from fastapi import FastAPI
from nats.aio.client import Client
from nats.aio.msg import Msg
from prometheus_client import Counter

import obskit

obs: obskit.Telemetry = obskit.init(
    service="orders", version="1.4", environment="test", log_level="info", log_dir="logs", shutdown_s=5
)
app: FastAPI = obskit.instrument(FastAPI())
client: httpx.AsyncClient = obskit.instrument(httpx.AsyncClient())
connection: Client = obskit.instrument(Client())
log = obskit.get_logger("orders")
sold = Counter("orders_sold", "Orders sold.", registry=obs.registry)


@obskit.traced
def price(sku: str) -> float:
    with obskit.span("lookup", sku=sku) as span:
        span.set_attribute("found", True)
    return 1.0


@obskit.traced
async def charge(amount: float) -> bool:
    return amount > 0


@obskit.traced
def rows() -> Iterator[int]:
    yield 1


@obskit.traced
async def pages() -> AsyncIterator[int]:
    yield 1


async def handle(message: Msg) -> None:
    async with obskit.consume(message, destination="orders.created"):
        obskit.bind(user_id=1)
        obskit.unbind("user_id")
        log.info("order.created", total=price("A-1"), paid=await charge(2))


async def database() -> None:
    obskit.add_check("database", database, timeout_s=1.0, critical=True)


try:
    obskit.init(service="")
except (obskit.ConfigError, obskit.InstrumentError, obskit.MissingExtraError, obskit.StackError) as error:
    problem: obskit.ObskitError = error
obskit.shutdown()
