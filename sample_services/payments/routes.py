"""The payments service's HTTP routes."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

import obskit
from sample_services.payments.cashier import Cashier
from sample_services.payments.models import Charge, NewCharge
from sample_services.payments.store import Charges
from sample_services.problems import Problem

__all__ = ["router"]

router = APIRouter()


async def _cashier(request: Request) -> Cashier:
    cashier: Cashier = request.app.state.cashier
    return cashier


async def _charges(request: Request) -> Charges:
    charges: Charges = request.app.state.charges
    return charges


@router.post("/charges", status_code=HTTPStatus.CREATED)
async def charge(wanted: NewCharge, cashier: Annotated[Cashier, Depends(_cashier)]) -> Charge:
    obskit.bind(order_id=str(wanted.order_id))
    return await cashier.charge(wanted)


@router.get("/charges/{order_id}")
async def show_charge(order_id: UUID, charges: Annotated[Charges, Depends(_charges)]) -> Charge:
    found = await charges.find(str(order_id))
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-charge", f"Order {order_id} was never charged.")
    return found
