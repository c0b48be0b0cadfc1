"""Where the gateway's answers about orders come from: it keeps nothing, the orders service does."""

from uuid import UUID

import httpx
from pydantic import TypeAdapter, ValidationError

from sample_services.gateway.identity import Caller
from sample_services.gateway.models import Mode, NewOrder, Order
from sample_services.problems import Problem
from sample_services.resilient import Resilient
from sample_services.upstream import UpstreamError

__all__ = ["OrdersClient"]

_ORDERS = TypeAdapter(list[Order])


class OrdersClient:
    """The orders service, as the gateway calls it.

    :meth:`place` and :meth:`show` raise :class:`Problem` with 502, 503 or 504 when the service
    fails; its refusals of the request itself (4xx) are returned.
    """

    def __init__(self, orders: Resilient) -> None:
        self._orders = orders

    async def place(
        self, wanted: NewOrder, mode: Mode, key: str | None, caller: Caller | None
    ) -> httpx.Response:
        """Place an order. It is sent once: only the caller, with its key, may send it again."""
        headers = _of(caller) | ({"Idempotency-Key": key} if key else {})
        try:
            return await self._orders.send(
                "POST",
                "/orders",
                template="/orders",
                params={"mode": mode},
                json=wanted.model_dump(),
                headers=headers,
            )
        except UpstreamError as error:
            raise _problem(error) from error

    async def show(self, order_id: UUID, caller: Caller | None) -> httpx.Response:
        """Return an order as it is now."""
        path, template = f"/orders/{order_id}", "/orders/{id}"
        try:
            return await self._orders.send(
                "GET", path, template=template, is_repeatable=True, headers=_of(caller)
            )
        except UpstreamError as error:
            raise _problem(error) from error

    async def latest(self, caller: Caller, limit: int) -> list[Order]:
        """Return the newest orders of a caller.

        Raises:
            UpstreamError: the orders service does not say.
        """
        answer = await self._orders.send(
            "GET",
            "/orders",
            template="/orders",
            is_repeatable=True,
            params={"limit": limit},
            headers=_of(caller),
        )
        try:
            return _ORDERS.validate_python(answer.json())
        except (ValueError, ValidationError) as error:
            msg = f"orders answered {answer.status_code}, which is no list of orders."
            raise UpstreamError(502, msg, is_answered=True) from error


def _of(caller: Caller | None) -> dict[str, str]:
    """Return the header that tells the services behind the gateway whose request this is."""
    return {"X-User-Id": caller.user_id} if caller else {}


def _problem(error: UpstreamError) -> Problem:
    about = {"order_id": error.order_id} if error.order_id else {}
    return Problem(error.status, "dependency-failed", error.detail, about=about)
