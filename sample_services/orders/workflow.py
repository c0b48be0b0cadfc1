"""How an order is placed, the synchronous and the asynchronous way, and how it ends."""

from http import HTTPStatus

import httpx

import obskit
from sample_services.contracts import price_cents
from sample_services.orders.models import Mode, NewOrder, Order, State
from sample_services.orders.store import Orders
from sample_services.payments.client import DECLINED, PaymentsClient
from sample_services.problems import Problem
from sample_services.upstream import Upstream, UpstreamError, problem_of

__all__ = ["Workflow"]

_REPORTED_S = 60.0


class Workflow:
    """Places orders. Each is stored as pending before anybody else hears of it."""

    def __init__(self, store: Orders, inventory: Upstream, payments: PaymentsClient) -> None:
        self._store = store
        self._inventory = inventory
        self._payments = payments
        self._log = obskit.get_logger()

    async def place(self, wanted: NewOrder, mode: Mode, key: str | None, user_id: str | None = None) -> Order:
        """Place an order and return it completed (sync) or pending (async).

        Raises:
            Problem: there is no such stock (409), the payment was declined (402), inventory or
                payments failed (502, 503, 504), or the key cannot be used (409, 422).
        """
        order, is_new = await self._store.create(wanted, mode, key, user_id)
        obskit.bind(order_id=order.id)
        if not is_new:
            return _repeated(order, wanted, mode)
        self._log.info("order.created", mode=mode, sku=order.sku)
        # An async order is accepted with its commit: its event is in the outbox by then.
        return _answer(await self._reserve(order) if mode == "sync" else order)

    async def end(self, order_id: str, reason: str | None) -> None:
        """Charge and complete a pending order, or reject it for *reason*; one that has ended stays as it is.

        Raises:
            UpstreamError: payments did not decide; the order is pending still.
        """
        order = await self._store.find(order_id)
        if order is None:
            self._log.warning("order.not_found")
        elif order.state == "pending":
            await (self._finish(order_id, "rejected", reason) if reason else self._pay(order))

    async def report(self) -> None:
        """Write how many orders of the last minute are in each state."""
        self._log.info("orders.reported", **await self._store.summary(_REPORTED_S))

    async def _reserve(self, order: Order) -> Order:
        body = {"order_id": order.id, "sku": order.sku, "quantity": order.quantity}
        try:
            answer = await self._inventory.send("POST", "/reservations", template="/reservations", json=body)
            reason = _refusal(answer)
        except UpstreamError as error:
            return await self._give_up(order, "inventory-failed", error.status, error.detail)
        if reason:
            return await self._finish(order.id, "rejected", reason) or order
        try:
            return await self._pay(order)
        except UpstreamError as error:
            return await self._give_up(order, "payments-failed", error.status, error.detail)

    async def _pay(self, order: Order) -> Order:
        """Charge an order whose stock is reserved, and end it as the answer says."""
        declined = await self._payments.charge(order.id, order.quantity * price_cents(order.sku))
        if declined is None:
            return await self._finish(order.id, "completed", None) or order
        return await self._finish(order.id, "rejected", declined, releases=True) or order

    async def _give_up(self, order: Order, kind: str, status: int, detail: str) -> Order:
        """Mark *order* as failed and raise; if it has ended well meanwhile, return it instead."""
        ended = await self._finish(order.id, "failed", kind) or order
        if ended.state != "failed":
            return ended
        raise Problem(status, kind, detail, about={"order_id": order.id, "state": ended.state})

    async def _finish(
        self, order_id: str, state: State, reason: str | None, *, releases: bool = False
    ) -> Order | None:
        ended = await self._store.finish(order_id, state, reason, releases=releases)
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
        about = {"order_id": order.id, "state": order.state, "reason": order.reason}
        if order.reason == DECLINED:
            detail = "The payment was declined; nothing is reserved and nothing is charged."
            raise Problem(HTTPStatus.PAYMENT_REQUIRED, "declined", detail, about=about)
        detail = f"{order.quantity} of {order.sku} cannot be had: {order.reason}."
        raise Problem(HTTPStatus.CONFLICT, "rejected", detail, about=about)
    return order
