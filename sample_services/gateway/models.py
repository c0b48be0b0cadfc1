"""What callers of the gateway send and get."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from sample_services.contracts import Quantity, Sku

__all__ = ["AccessToken", "Home", "Login", "Mode", "NewOrder", "Order", "Product", "Products"]

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
    notes: int = 0
    """How many notes customer service has written on it; counted in lists only."""
    created_at: datetime
    updated_at: datetime


class Login(BaseModel):
    """A name and a password; the password is in no log, error or repr."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,63}$", examples=["alice"])]
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]


class AccessToken(BaseModel):
    """A token for the header ``Authorization: Bearer``; *expires_in* is in seconds."""

    access_token: str
    token_type: str
    expires_in: int


class Product(BaseModel):
    """Something that can be ordered; the price is in cents."""

    sku: str
    available: int
    price_cents: int


class Products(BaseModel):
    """A page of products: *next* is the ``after`` of the next page, and null on the last one.

    *source* says who answered: ``inventory``, its ``replica``, the ``cache``, or ``stale``, an
    old answer because nobody else did.
    """

    items: list[Product]
    next: str | None
    source: Literal["inventory", "replica", "cache", "stale"]


class Home(BaseModel):
    """The start page of a front end in one answer; *degraded* names the parts that could not be had."""

    user: dict[str, str]
    products: list[Product]
    orders: list[Order]
    degraded: list[str]
