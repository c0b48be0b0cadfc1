"""How an order is placed, the synchronous and the asynchronous way, and how it ends."""

from http import HTTPStatus
from uuid import UUID

import httpx

import obskit
from sample_services.broker import Broker, BrokerError
from sample_services.contracts import CREATED, FAILED, OrderCreated, OrderFailed
from sample_services.orders.models import Mode, NewOrder, Order, State
from sample_services.orders.store import Orders
from sample_services.problems import Problem
from sample_services.upstream import Upstream, UpstreamError, problem_of

__all__ = ["Workflow"]

_SWEEP_ORDERS = 100


class Workflow:
    """Places orders. Each is stored as pending before anybody else hears of it."""

    def __init__(self, store: Orders, inventory: Upstream, broker: Broker) -> None:
        self._store = store
        self._inventory = inventory
        self._broker = broker
        self._log = obskit.get_logger()

    async def place(self, wanted: NewOrder, mode: Mode, key: str | None) -> Order:
        """Place an order and return it completed (sync) or pending (async).

        Raises:
            Problem: there is no such stock (409), inventory failed (502, 503, 504), the
                broker has not taken the event (503), or the key cannot be used (409, 422).
        """
        order, is_new = await self._store.create(wanted, mode, key)
        obskit.bind(order_id=order.id)
        if not is_new:
            return _repeated(order, wanted, mode)
        self._log.info("order.created", mode=mode, sku=order.sku)
        order = await (self._reserve(order) if mode == "sync" else self._announce_new(order))
        return _answer(order)

    async def end(self, order_id: str, reason: str | None) -> None:
        """Complete a pending order, or reject it for *reason*; an order that has ended stays as it is."""
        if await self._finish(order_id, "rejected" if reason else "completed", reason) is None:
            self._log.warning("order.not_found")

    async def announce_owed(self) -> None:
        """Publish the events that are due.

        So an order survives a crash between its commit and its event: it is announced again,
        and whatever was announced twice is dropped by the broker or answered alike by inventory.

        Raises:
            BrokerError: the broker is away; the rest is due at the next call.
        """
        for order in await self._store.owing(_SWEEP_ORDERS):
            await self._announce(order)
            await self._store.announced(order)
            self._log.info("order.announced", order_id=order.id, state=order.state)

    async def _reserve(self, order: Order) -> Order:
        body = {"order_id": order.id, "sku": order.sku, "quantity": order.quantity}
        try:
            answer = await self._inventory.send("POST", "/reservations", template="/reservations", json=body)
            reason = _refusal(answer)
        except UpstreamError as error:
            return await self._give_up(order, "inventory-failed", error.status, error.detail)
        return await self._finish(order.id, "rejected" if reason else "completed", reason) or order

    async def _announce_new(self, order: Order) -> Order:
        try:
            await self._announce(order)
        except BrokerError as error:
            return await self._give_up(order, "not-accepted", HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return order

    async def _announce(self, order: Order) -> None:
        if order.state == "failed":
            failed = OrderFailed(order_id=UUID(order.id))
            await self._broker.publish(
                FAILED, failed.model_dump_json().encode(), message_id=f"{order.id}:failed"
            )
            return
        created = OrderCreated(order_id=UUID(order.id), sku=order.sku, quantity=order.quantity)
        await self._broker.publish(
            CREATED, created.model_dump_json().encode(), message_id=f"{order.id}:created"
        )

    async def _give_up(self, order: Order, kind: str, status: int, detail: str) -> Order:
        """Mark *order* as failed and raise; if it has ended well meanwhile, return it instead."""
        ended = await self._finish(order.id, "failed", kind) or order
        if ended.state != "failed":
            return ended
        raise Problem(status, kind, detail, about={"order_id": order.id, "state": ended.state})

    async def _finish(self, order_id: str, state: State, reason: str | None) -> Order | None:
        ended = await self._store.finish(order_id, state, reason)
        if ended is not None:
            self._log.info("order.finished", state=ended.state, mode=ended.mode, reason=ended.reason)
        return ended


def _refusal(answer: httpx.Response) -> str | None:
    """Return why inventory refuses, or None when it has reserved the stock."""
    if answer.status_code == HTTPStatus.CREATED:
        return None
    if answer.status_code == HTTPStatus.CONFLICT:
        return problem_of(answer).get("reason", "refused")
    detail = f"inventory answered {answer.status_code}, which is no answer to a reservation."
    raise UpstreamError(HTTPStatus.BAD_GATEWAY, detail)


def _repeated(order: Order, wanted: NewOrder, mode: Mode) -> Order:
    """Return *order* to a caller that repeats its Idempotency-Key."""
    if (order.sku, order.quantity, order.mode) != (wanted.sku, wanted.quantity, mode):
        detail = "This Idempotency-Key was used for another order; use a new key for a new order."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail, about={"order_id": order.id})
    if order.mode == "sync" and order.state == "pending":
        detail = "The order of this Idempotency-Key is being worked on; ask again in a second."
        headers = {"Retry-After": "1"}
        raise Problem(
            HTTPStatus.CONFLICT, "in-progress", detail, headers=headers, about={"order_id": order.id}
        )
    return _answer(order)


def _answer(order: Order) -> Order:
    if order.mode == "sync" and order.state == "rejected":
        detail = f"{order.quantity} of {order.sku} cannot be had: {order.reason}."
        about = {"order_id": order.id, "state": order.state, "reason": order.reason}
        raise Problem(HTTPStatus.CONFLICT, "rejected", detail, about=about)
    return order
