"""The inventory's tables, and what its routes take and give."""

from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import CheckConstraint, Column, Float, Integer, MetaData, String, Table

from sample_services.contracts import OrderCreated

__all__ = [
    "SEED",
    "TABLES",
    "Reservation",
    "ReservationRequest",
    "ReservationState",
    "Stock",
    "StockPage",
    "reservations",
    "stock",
]

ReservationState = Literal["reserved", "rejected", "released"]

TABLES = MetaData()

stock = Table(
    "stock",
    TABLES,
    Column("sku", String(32), primary_key=True),
    Column("available", Integer, CheckConstraint("available >= 0"), nullable=False),
)

reservations = Table(
    "reservations",
    TABLES,
    Column("order_id", String(36), primary_key=True),
    Column("sku", String(32), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(32)),
    Column("created_at", Float, nullable=False, index=True),  # Unix seconds
)

_PLENTY = 1_000_000_000

SEED = {
    "TEA-GREEN": _PLENTY,
    "TEA-BLACK": _PLENTY,
    "MUG-BLUE": _PLENTY,
    "POT-CLAY": _PLENTY,
    "CUP-GLASS": _PLENTY,
    "CUP-DECLINED": _PLENTY,
    "POT-SOLDOUT": 0,
}
"""What is in stock at the first start: more than any load takes, and one SKU of which there is none."""


class ReservationRequest(OrderCreated):
    """Stock that an order wants; the order's id makes the request repeatable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reservation(BaseModel):
    """The answer that an order got, the same at each repetition.

    *state* is ``released`` when the order was given up, before or after it asked.
    """

    order_id: str
    sku: str
    quantity: int
    state: ReservationState
    reason: str | None = None


class Stock(BaseModel):
    """What is left of one SKU, and its price."""

    sku: str
    available: int
    price_cents: int


class StockPage(BaseModel):
    """SKUs in their order; *next* is the ``after`` of the next page, and null on the last one."""

    items: list[Stock]
    next: str | None
