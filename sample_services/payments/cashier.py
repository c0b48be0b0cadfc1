"""How an order is charged: stored first, then asked of the provider, as often as it takes."""

from http import HTTPStatus

import obskit
from sample_services.faults import Faults, InjectedFaultError
from sample_services.payments.client import DECLINED
from sample_services.payments.models import Charge, NewCharge
from sample_services.payments.store import Charges
from sample_services.problems import Problem
from sample_services.resilient import Resilient
from sample_services.upstream import UpstreamError

__all__ = ["Cashier"]


class Cashier:
    """Charges orders. The provider knows each by the order's id, so asking again charges once."""

    def __init__(self, charges: Charges, provider: Resilient, faults: Faults) -> None:
        self._charges = charges
        self._provider = provider
        self._faults = faults
        self._log = obskit.get_logger()

    async def charge(self, wanted: NewCharge) -> Charge:
        """Charge an order, or return what was decided about it before.

        Raises:
            Problem: the card was declined (402), the order was charged with another amount
                (422), or the provider has not decided yet (502, 503, 504): ask again.
        """
        charge = await self._charges.begin(wanted)
        _refuse_given_up(charge)
        if charge.amount_cents != wanted.amount_cents:
            detail = f"This order is charged {charge.amount_cents} cents, not {wanted.amount_cents}."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "amount-changed", detail)
        if charge.state == "pending":
            charge = await self._decide(charge)
            _refuse_given_up(charge)  # while the provider was asked
        if charge.state == "declined":
            about = {"reason": charge.reason}
            raise Problem(HTTPStatus.PAYMENT_REQUIRED, "declined", f"Declined: {charge.reason}.", about=about)
        return charge

    async def give_up(self, order_id: str) -> None:
        """Pay back what was or may be charged for an order that failed; nothing is charged for it later.

        Raises:
            UpstreamError: the provider does not answer; what it has is to be asked for again.
        """
        before = await self._charges.give_up(order_id)
        if before is not None and before.state == "declined":
            return
        # Also where nothing is known of a charge: its answer may have been lost, or be under way.
        answer = await self._provider.send(
            "POST", "/refunds", template="/refunds", is_repeatable=True, headers={"Idempotency-Key": order_id}
        )
        if not answer.is_success:
            msg = f"provider answered {answer.status_code}, which is no answer to a refund."
            raise UpstreamError(HTTPStatus.BAD_GATEWAY, msg, is_answered=True)
        self._log.info("payment.given_up", was=before.state if before else "none")

    async def _decide(self, charge: Charge) -> Charge:
        try:
            answer = await self._provider.send(
                "POST",
                "/charges",
                template="/charges",
                is_repeatable=True,
                before=self._faulty,
                json={"amount_cents": charge.amount_cents},
                headers={"Idempotency-Key": charge.order_id},
            )
        except UpstreamError as error:
            raise Problem(error.status, "provider-failed", error.detail) from error
        if answer.status_code == HTTPStatus.PAYMENT_REQUIRED:
            charge = await self._charges.decide(charge, "declined", reason=DECLINED)
        elif answer.is_success:
            reference = str(answer.json().get("reference", ""))
            charge = await self._charges.decide(charge, "paid", reference=reference)
        else:
            detail = f"provider answered {answer.status_code}, which is no answer to a charge."
            raise Problem(HTTPStatus.BAD_GATEWAY, "provider-failed", detail)
        self._log.info("payment.decided", state=charge.state, reason=charge.reason)
        return charge

    async def _faulty(self) -> None:
        try:
            await self._faults.at("provider")
        except InjectedFaultError as error:
            raise UpstreamError(HTTPStatus.BAD_GATEWAY, str(error)) from error


def _refuse_given_up(charge: Charge) -> None:
    if charge.state == "given_up":
        detail = "The order was given up; nobody pays for it any more."
        raise Problem(HTTPStatus.CONFLICT, "given-up", detail)
