"""How other services charge an order."""

from http import HTTPStatus

from sample_services.resilient import Resilient
from sample_services.upstream import Upstream, UpstreamError

__all__ = ["DECLINED", "PaymentsClient"]

DECLINED = "card_declined"
"""The reason of an order that was not paid."""

# Payments may ask the provider three times meanwhile; nobody retries on top of that.
_TIMEOUT_S = 2.0


class PaymentsClient:
    """The payments service, as another service calls it. An order is charged once, however often it is asked."""

    def __init__(self, payments: Resilient) -> None:
        self._payments = payments

    @classmethod
    def at(cls, url: str) -> "PaymentsClient":
        """Return a client for the payments service at *url*; it answers within 2 s or is given up."""
        return cls(Resilient(Upstream("payments", url, timeout_s=_TIMEOUT_S), timeout_s=_TIMEOUT_S))

    async def charge(self, order_id: str, amount_cents: int) -> str | None:
        """Charge an order; return None when it is paid, or the reason when the card is declined.

        Raises:
            UpstreamError: payments failed or gave no answer in time; the order may be charged,
                and asking again with the same id tells.
        """
        body = {"order_id": order_id, "amount_cents": amount_cents}
        answer = await self._payments.send("POST", "/charges", template="/charges", json=body)
        if answer.status_code == HTTPStatus.CREATED:
            return None
        if answer.status_code == HTTPStatus.PAYMENT_REQUIRED:
            return DECLINED
        detail = f"payments answered {answer.status_code}, which is no answer to a charge."
        raise UpstreamError(HTTPStatus.BAD_GATEWAY, detail)

    async def close(self) -> None:
        """Close every connection."""
        await self._payments.close()
