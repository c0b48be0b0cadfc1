"""The orders table, and what the routes take and give."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table

from sample_services.contracts import Quantity, Sku

__all__ = ["TABLES", "Mode", "NewOrder", "Order", "State", "orders"]

Mode = Literal["sync", "async"]
State = Literal["pending", "completed", "rejected", "failed"]

TABLES = MetaData()

orders = Table(
    "orders",
    TABLES,
    Column("id", String(36), primary_key=True),
    Column("sku", String(32), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("mode", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("idempotency_key", String(200), unique=True),
    Column("user_id", String(64)),  # whose it is; empty for a caller that the gateway does not know
    Column("created_at", Float, nullable=False, index=True),  # Unix seconds, as all times here
    Column("updated_at", Float, nullable=False),
    Index("orders_user", "user_id", "created_at"),
)


class NewOrder(BaseModel):
    """What a caller wants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sku: Sku
    quantity: Quantity


class Order(BaseModel):
    """An order as its owner keeps it and as callers see it."""

    model_config = ConfigDict(frozen=True)

    id: str
    sku: str
    quantity: int
    mode: Mode
    state: State
    reason: str | None = None
    notes: int = 0
    """How many notes customer service has written; counted in lists only."""
    created_at: datetime = Field(examples=[datetime(2026, 1, 1, tzinfo=UTC)])
    updated_at: datetime = Field(examples=[datetime(2026, 1, 1, tzinfo=UTC)])
