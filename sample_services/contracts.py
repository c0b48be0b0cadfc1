"""What the services say to each other: field types, subjects and message bodies."""

from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sample_services.failures import PoisonMessageError

__all__ = [
    "AUDIENCE",
    "CREATED",
    "ENDED",
    "FAILED",
    "IDEMPOTENCY_KEY",
    "ISSUER",
    "REJECTED",
    "RESERVED",
    "OrderCreated",
    "OrderEnded",
    "OrderFailed",
    "OrderRejected",
    "OrderReserved",
    "Quantity",
    "Sku",
    "price_cents",
    "read",
]

CREATED = "orders.created"
"""orders to inventory: an order waits for stock."""
FAILED = "orders.failed"
"""orders to inventory: an order is given up; what it reserved, or would reserve later, is released."""
RESERVED = "orders.reserved"
"""inventory to orders: the stock is reserved."""
ENDED = "orders.ended"
"""orders to whoever wants to know: an order has ended, well or not."""
REJECTED = "orders.rejected"
"""inventory to orders: there is no such stock."""

ISSUER = "obskit-samples/users"
"""Who signs access tokens: their ``iss``."""
AUDIENCE = "obskit-samples"
"""Whom access tokens are for: their ``aud``."""

Sku = Annotated[str, Field(pattern="^[A-Z0-9-]{1,32}$", examples=["TEA-GREEN"])]
Quantity = Annotated[int, Field(ge=1, le=100, strict=True, examples=[2])]

IDEMPOTENCY_KEY = Header(alias="Idempotency-Key", pattern="^[\\x21-\\x7e]{1,128}$")
"""A caller's name for one order: repeated requests with the same key place it once."""

_PRICES_CENTS = {"TEA-GREEN": 690, "TEA-BLACK": 590, "MUG-BLUE": 1290, "POT-CLAY": 3490, "CUP-DECLINED": 666}
_OTHER_CENTS = 990

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


class OrderEnded(_Body):
    """The body of ``orders.ended``; *state* is ``completed``, ``rejected`` or ``failed``."""

    state: Literal["completed", "rejected", "failed"]
    reason: str | None = None


def price_cents(sku: str) -> int:
    """Return the price of one *sku* in cents. The card is always declined for one CUP-DECLINED."""
    return _PRICES_CENTS.get(sku, _OTHER_CENTS)


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
