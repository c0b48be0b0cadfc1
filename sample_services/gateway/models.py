"""What callers of the gateway send and get."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sample_services.contracts import Quantity, Sku

__all__ = ["Mode", "NewOrder", "Order"]

Mode = Literal["sync", "async"]


class NewOrder(BaseModel):
    """An order to place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sku: Sku
    quantity: Quantity


class Order(BaseModel):
    """An order and its state; *reason* says why one was rejected or failed."""

    id: str
    sku: str
    quantity: int
    mode: Mode
    state: Literal["pending", "completed", "rejected", "failed"]
    reason: str | None
    created_at: datetime
    updated_at: datetime
