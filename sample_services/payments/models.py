"""The payments table, and what the routes take and give."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Column, Float, Integer, MetaData, String, Table

__all__ = ["TABLES", "Charge", "ChargeState", "NewCharge", "charges"]

ChargeState = Literal["pending", "paid", "declined", "given_up"]

TABLES = MetaData()

charges = Table(
    "charges",
    TABLES,
    Column("order_id", String(36), primary_key=True),
    Column("amount_cents", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("reference", String(64)),
    Column("created_at", Float, nullable=False, index=True),  # Unix seconds
)


class NewCharge(BaseModel):
    """What to charge for an order; the order's id makes the request repeatable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order_id: UUID
    amount_cents: Annotated[int, Field(ge=1, le=100_000_000, strict=True, examples=[1290])]


class Charge(BaseModel):
    """What became of a charge; *reference* is the provider's name for it."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    amount_cents: int
    state: ChargeState
    reason: str | None = None
    reference: str | None = None
    created_at: datetime
