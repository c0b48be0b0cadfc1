"""The orders service's HTTP routes."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from sample_services.contracts import IDEMPOTENCY_KEY
from sample_services.faults import Faults
from sample_services.orders.models import Mode, NewOrder, Order
from sample_services.orders.store import Orders
from sample_services.orders.workflow import Workflow
from sample_services.problems import Problem

__all__ = ["router"]

router = APIRouter()


async def _workflow(request: Request) -> Workflow:
    workflow: Workflow = request.app.state.workflow
    return workflow


USER_ID = Header(alias="X-User-Id", pattern="^[\\x21-\\x7e]{1,64}$")
"""Whose request this is, as the gateway says it; only the gateway is let near this service."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the headers of a new order say: the caller's name for it, and whose it is."""

    key: str | None
    user_id: str | None


async def _origin(
    key: Annotated[str | None, IDEMPOTENCY_KEY] = None, user_id: Annotated[str | None, USER_ID] = None
) -> Origin:
    return Origin(key, user_id)


async def _store(request: Request) -> Orders:
    store: Orders = request.app.state.orders
    return store


async def _faults(request: Request) -> Faults:
    faults: Faults = request.app.state.faults
    return faults


@router.post("/orders", status_code=HTTPStatus.CREATED, responses={202: {"model": Order}})
async def place_order(
    wanted: NewOrder,
    response: Response,
    workflow: Annotated[Workflow, Depends(_workflow)],
    origin: Annotated[Origin, Depends(_origin)],
    mode: Annotated[Mode, Query()] = "sync",
) -> Order:
    order = await workflow.place(wanted, mode, origin.key, origin.user_id)
    if mode == "async":
        response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = f"/orders/{order.id}"
    return order


@router.get("/orders")
async def list_orders(
    store: Annotated[Orders, Depends(_store)],
    faults: Annotated[Faults, Depends(_faults)],
    user_id: Annotated[str, USER_ID],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[Order]:
    return await store.latest(user_id, limit, one_by_one=faults.divert("list"))


@router.get("/orders/{order_id}")
async def show_order(
    order_id: UUID,
    store: Annotated[Orders, Depends(_store)],
    user_id: Annotated[str | None, USER_ID] = None,
) -> Order:
    order = await store.find(str(order_id), user_id)
    if order is None:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-order", f"There is no order {order_id}.")
    return order
