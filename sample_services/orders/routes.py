"""The orders service's HTTP routes."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from sample_services.contracts import IDEMPOTENCY_KEY
from sample_services.orders.models import Mode, NewOrder, Order
from sample_services.orders.store import Orders
from sample_services.orders.workflow import Workflow
from sample_services.problems import Problem

__all__ = ["router"]

router = APIRouter()


async def _workflow(request: Request) -> Workflow:
    workflow: Workflow = request.app.state.workflow
    return workflow


async def _store(request: Request) -> Orders:
    store: Orders = request.app.state.orders
    return store


@router.post("/orders", status_code=HTTPStatus.CREATED, responses={202: {"model": Order}})
async def place_order(
    wanted: NewOrder,
    response: Response,
    workflow: Annotated[Workflow, Depends(_workflow)],
    mode: Annotated[Mode, Query()] = "sync",
    key: Annotated[str | None, IDEMPOTENCY_KEY] = None,
) -> Order:
    order = await workflow.place(wanted, mode, key)
    if mode == "async":
        response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = f"/orders/{order.id}"
    return order


@router.get("/orders/{order_id}")
async def show_order(order_id: UUID, store: Annotated[Orders, Depends(_store)]) -> Order:
    order = await store.find(str(order_id))
    if order is None:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-order", f"There is no order {order_id}.")
    return order
