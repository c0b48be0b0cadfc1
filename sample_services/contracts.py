"""What the services say to each other: field types, subjects and message bodies."""

from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sample_services.broker import PoisonMessageError

__all__ = [
    "CREATED",
    "FAILED",
    "IDEMPOTENCY_KEY",
    "REJECTED",
    "RESERVED",
    "OrderCreated",
    "OrderFailed",
    "OrderRejected",
    "OrderReserved",
    "Quantity",
    "Sku",
    "read",
]

CREATED = "orders.created"
"""orders to inventory: an order waits for stock."""
FAILED = "orders.failed"
"""orders to inventory: an order is given up; what it reserved, or would reserve later, is released."""
RESERVED = "orders.reserved"
"""inventory to orders: the stock is reserved."""
REJECTED = "orders.rejected"
"""inventory to orders: there is no such stock."""

Sku = Annotated[str, Field(pattern="^[A-Z0-9-]{1,32}$", examples=["TEA-GREEN"])]
Quantity = Annotated[int, Field(ge=1, le=100, strict=True, examples=[2])]

IDEMPOTENCY_KEY = Header(alias="Idempotency-Key", pattern="^[\\x21-\\x7e]{1,128}$")
"""A caller's name for one order: repeated requests with the same key place it once."""

_Message = TypeVar("_Message", bound="_Body")


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True)  # unknown fields are left alone: a newer sender may have more

    order_id: UUID


class OrderCreated(_Body):
    """The body of ``orders.created``, and of a reservation over HTTP."""

    sku: Sku
    quantity: Quantity


class OrderFailed(_Body):
    """The body of ``orders.failed``."""


class OrderReserved(_Body):
    """The body of ``orders.reserved``."""


class OrderRejected(_Body):
    """The body of ``orders.rejected``; *reason* is ``out_of_stock`` or ``unknown_sku``."""

    reason: str


def read(model: type[_Message], body: bytes) -> _Message:
    """Return *body* as a *model*.

    Raises:
        PoisonMessageError: it is not one, and will not be one at the next delivery.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, item["loc"])) or item["type"] for item in error.errors())
        msg = f"This is no {model.__name__} message: {fields}."
        raise PoisonMessageError(msg) from error
