"""The inventory's HTTP routes: the synchronous way to reserve stock."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

import obskit
from sample_services.contracts import Sku, price_cents
from sample_services.faults import Faults
from sample_services.inventory.models import Reservation, ReservationRequest, Stock, StockPage
from sample_services.inventory.store import Inventory
from sample_services.problems import Problem

__all__ = ["router"]

router = APIRouter()
_log = obskit.get_logger()


async def _inventory(request: Request) -> Inventory:
    inventory: Inventory = request.app.state.inventory
    return inventory


async def _faults(request: Request) -> Faults:
    faults: Faults = request.app.state.faults
    return faults


InventoryStore = Annotated[Inventory, Depends(_inventory)]
ActiveFaults = Annotated[Faults, Depends(_faults)]


@router.post("/reservations", status_code=HTTPStatus.CREATED)
async def reserve(wanted: ReservationRequest, inventory: InventoryStore, faults: ActiveFaults) -> Reservation:
    obskit.bind(order_id=str(wanted.order_id))
    await faults.at("reserve")
    reservation = await inventory.reserve(wanted)
    _log.info("stock.decided", state=reservation.state, sku=wanted.sku, reason=reservation.reason)
    if reservation.state != "reserved":
        detail = f"{wanted.quantity} of {wanted.sku} cannot be reserved: {reservation.reason}."
        raise Problem(HTTPStatus.CONFLICT, "not-reserved", detail, about={"reason": reservation.reason})
    return reservation


@router.get("/stock")
async def list_stock(
    inventory: InventoryStore,
    faults: ActiveFaults,
    after: Annotated[str, Query(max_length=32, pattern="^[A-Z0-9-]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> StockPage:
    await faults.at("browse")
    items = await inventory.page(after, limit)
    return StockPage(items=items, next=items[-1].sku if len(items) == limit else None)


@router.get("/stock/{sku}")
async def show_stock(sku: Annotated[Sku, Path()], inventory: InventoryStore) -> Stock:
    available = await inventory.available(sku)
    if available is None:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-sku", f"There is no SKU {sku!r}.")
    return Stock(sku=sku, available=available, price_cents=price_cents(sku))
