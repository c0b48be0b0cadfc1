"""Where the gateway's answers come from: it keeps nothing, the orders service does."""

from uuid import UUID

import httpx

from sample_services.gateway.models import Mode, NewOrder
from sample_services.problems import Problem
from sample_services.upstream import Upstream, UpstreamError

__all__ = ["OrdersClient"]


class OrdersClient:
    """The orders service, as the gateway calls it.

    Each method raises :class:`Problem` with 502, 503 or 504 when the service fails; its
    refusals of the request itself (4xx) are returned.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def place(self, wanted: NewOrder, mode: Mode, key: str | None) -> httpx.Response:
        """Place an order."""
        headers = {"Idempotency-Key": key} if key else {}
        try:
            return await self._upstream.send(
                "POST",
                "/orders",
                template="/orders",
                params={"mode": mode},
                json=wanted.model_dump(),
                headers=headers,
            )
        except UpstreamError as error:
            raise _problem(error) from error

    async def show(self, order_id: UUID) -> httpx.Response:
        """Return an order as it is now."""
        try:
            return await self._upstream.send("GET", f"/orders/{order_id}", template="/orders/{id}")
        except UpstreamError as error:
            raise _problem(error) from error


def _problem(error: UpstreamError) -> Problem:
    about = {"order_id": error.order_id} if error.order_id else {}
    return Problem(error.status, "dependency-failed", error.detail, about=about)
