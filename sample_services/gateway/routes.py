"""The public HTTP routes: orders, passed on to the service that owns them."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import APIRouter, Depends, Query, Request, Response

import obskit
from sample_services.contracts import IDEMPOTENCY_KEY
from sample_services.gateway.models import Mode, NewOrder, Order
from sample_services.gateway.store import OrdersClient

__all__ = ["router"]

router = APIRouter(prefix="/api")

_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/problem+json": {}}}
    for status, text in {
        400: "The body is not JSON.",
        409: "There is no such stock, or the order of this key is being worked on.",
        422: "A field, parameter or header is not accepted.",
        502: "A service behind the gateway failed.",
        503: "A service behind the gateway cannot take the order now.",
        504: "A service behind the gateway did not answer in time.",
    }.items()
}


async def _orders(request: Request) -> OrdersClient:
    orders: OrdersClient = request.app.state.orders
    return orders


Orders = Annotated[OrdersClient, Depends(_orders)]


@router.post(
    "/orders",
    status_code=HTTPStatus.CREATED,
    response_model=Order,
    responses={202: {"model": Order, "description": "Accepted; Location shows its state."}, **_FAILURES},
)
async def place_order(
    wanted: NewOrder,
    orders: Orders,
    mode: Annotated[Mode, Query()] = "sync",
    key: Annotated[str | None, IDEMPOTENCY_KEY] = None,
) -> Response:
    return _passed_on(await orders.place(wanted, mode, key))


@router.get("/orders/{order_id}", response_model=Order, responses={404: {"description": "No such order."}})
async def show_order(order_id: UUID, orders: Orders) -> Response:
    return _passed_on(await orders.show(order_id))


def _passed_on(answer: httpx.Response) -> Response:
    headers = {name: answer.headers[name] for name in ("Retry-After",) if name in answer.headers}
    if "Location" in answer.headers:
        headers["Location"] = f"/api{answer.headers['Location']}"
        obskit.bind(order_id=headers["Location"].rpartition("/")[2])
    return Response(answer.content, answer.status_code, headers, answer.headers.get("Content-Type"))
