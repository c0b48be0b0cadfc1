"""The orders service with four ways to have an order reserved and paid, for the lab that compares them.

Start: ``python -m uvicorn --factory sample_services.labs.shop:create_app``.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
from fastapi import FastAPI, Response
from nats.aio.client import Client

import obskit
from sample_services import problems
from sample_services.broker import Broker
from sample_services.contracts import price_cents
from sample_services.database import Database
from sample_services.labs.rpc import RpcUpstream
from sample_services.orders.events import consumer
from sample_services.orders.models import NewOrder, Order, State
from sample_services.orders.store import Orders
from sample_services.orders.workflow import Workflow
from sample_services.payments.client import PaymentsClient
from sample_services.resilient import Resilient
from sample_services.settings import VERSION, Settings
from sample_services.upstream import Upstream, UpstreamError, problem_of

__all__ = ["CHAIN", "CONCURRENT", "EVENT", "REQUEST_REPLY", "create_app"]

CHAIN, CONCURRENT = "http-chain", "http-concurrent"
REQUEST_REPLY, EVENT = "nats-request-reply", "jetstream-event"
_TIMEOUT_S = 2.0


class _AtOnce(Workflow):
    """Asks inventory and payments at the same time; what one did is given back when the other fails."""

    async def _reserve(self, order: Order) -> Order:
        body = {"order_id": order.id, "sku": order.sku, "quantity": order.quantity}
        reserving = self._inventory.send("POST", "/reservations", template="/reservations", json=body)
        paying = self._payments.charge(order.id, order.quantity * price_cents(order.sku))
        answer, declined = await asyncio.gather(reserving, paying, return_exceptions=True)
        for outcome, kind in ((answer, "inventory-failed"), (declined, "payments-failed")):
            if isinstance(outcome, UpstreamError):
                return await self._give_up(order, kind, outcome.status, outcome.detail)
            if isinstance(outcome, BaseException):
                raise outcome
        reason = declined if isinstance(declined, str) else _refusal(answer)
        state: State = "rejected" if reason else "completed"
        return await self._finish(order.id, state, reason, releases=bool(reason)) or order


def _refusal(answer: object) -> str | None:
    if isinstance(answer, httpx.Response) and answer.status_code != HTTPStatus.CREATED:
        return problem_of(answer).get("reason", "refused")
    return None


def create_app() -> FastAPI:
    """Build the service from its environment."""
    settings = Settings.load("orders")
    obskit.init(service="orders", version=VERSION)
    database = Database(settings.database_url)
    orders = Orders(database)
    broker = Broker(settings.nats_url, name="orders")
    inventory = Upstream("inventory", settings.inventory_url, timeout_s=_TIMEOUT_S)
    payments = PaymentsClient.at(settings.payments_url)
    asking: Client = obskit.instrument(Client())
    asked_inventory = RpcUpstream("inventory", asking, timeout_s=_TIMEOUT_S)
    asked_payments = RpcUpstream("payments", asking, timeout_s=_TIMEOUT_S)
    charging = PaymentsClient(Resilient(asked_payments, timeout_s=_TIMEOUT_S))
    chain = Workflow(orders, inventory, payments)
    ways: Mapping[str, Workflow] = {
        CHAIN: chain,
        CONCURRENT: _AtOnce(orders, inventory, payments),
        REQUEST_REPLY: Workflow(orders, asked_inventory, charging),
        EVENT: chain,
    }

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await orders.open()
        await asking.connect(settings.nats_url, name="orders-rpc")
        async with broker.running(consumer(chain)), orders.outbox.relaying(broker):
            yield
        await asking.close()
        for closing in (inventory, payments, asked_inventory, charging, database):
            await closing.close()

    app = FastAPI(title="orders", version=VERSION, lifespan=lifespan)
    problems.install(app)

    @app.post("/ways/{way}", status_code=HTTPStatus.CREATED)
    async def place(way: str, wanted: NewOrder, response: Response) -> Order:
        if way == EVENT:
            response.status_code = HTTPStatus.ACCEPTED
        return await ways[way].place(wanted, "async" if way == EVENT else "sync", None)

    obskit.add_check("database", database.check)
    obskit.add_check("nats", broker.check)
    return obskit.instrument(app)
