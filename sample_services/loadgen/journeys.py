"""What the load generator asks for: each journey is one measured call, as a caller makes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

__all__ = ["BOTH", "CALLS", "FAULTS", "MIX", "Call", "Journey"]

Journey = Literal["sync", "async", "browse", "page", "login"]


@dataclass(frozen=True, slots=True)
class Call:
    """How one journey calls: *template* is what its metrics are found by, *status* what it should get."""

    method: str
    path: str
    template: str
    status: HTTPStatus
    needs_token: bool = True

    def body(self, sku: str, quantity: int) -> dict[str, Any] | None:
        """Return the JSON to send for an order; None where there is nothing to send."""
        return {"sku": sku, "quantity": quantity} if self.path.startswith("/api/orders") else None


_SYNC, _ASYNC = "/api/orders?mode=sync", "/api/orders?mode=async"

CALLS: Mapping[Journey, Call] = {
    "sync": Call("POST", _SYNC, _SYNC, HTTPStatus.CREATED),
    "async": Call("POST", _ASYNC, _ASYNC, HTTPStatus.ACCEPTED),
    "browse": Call("GET", "/api/products?limit=3", "/api/products", HTTPStatus.OK, needs_token=False),
    "page": Call("GET", "/api/home", "/api/home", HTTPStatus.OK),
    "login": Call("POST", "/api/auth/login", "/api/auth/login", HTTPStatus.OK, needs_token=False),
}
"""Every journey."""

BOTH: Mapping[Journey, int] = {"sync": 1, "async": 1}
MIX: Mapping[Journey, int] = {"sync": 4, "async": 4, "browse": 8, "page": 3, "login": 1}
"""What callers of a shop do: they look more than they buy."""
FAULTS: Mapping[Journey, int] = {"sync": 3, "async": 1, "browse": 2, "page": 5, "login": 1}
"""What the catalogue of faults is made for: every path that a fault breaks has its share, at 8 calls a second too."""
