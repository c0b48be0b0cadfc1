"""Charges in the database: one an order, and what was decided stays decided."""

import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from sample_services.database import Database
from sample_services.payments.models import TABLES, Charge, ChargeState, NewCharge, charges

__all__ = ["Charges"]

_KEPT_CHARGES = 500_000

_INSERT = insert(charges)
_FIND = select(charges).where(charges.c.order_id == bindparam("wanted"))
_DECIDE = (
    update(charges)
    .where(charges.c.order_id == bindparam("wanted"), charges.c.state == "pending")
    .values({name: bindparam(name) for name in ("state", "reason", "reference")})
)
_GIVE_UP = (
    update(charges)
    .where(charges.c.order_id == bindparam("wanted"))
    .values(state="given_up", reason="order_failed")
)


class Charges:
    """The charge of every order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        """Make the table where it is missing."""
        await self._database.open(TABLES)

    async def begin(self, wanted: NewCharge) -> Charge:
        """Store a pending charge, or return the one that this order has."""
        row = {**_empty(str(wanted.order_id)), "amount_cents": wanted.amount_cents}
        try:
            async with self._database.write_once() as connection:
                await connection.execute(_INSERT, row)
        except IntegrityError:
            found = await self.find(row["order_id"])
            return found or await self.begin(wanted)  # trimmed in between
        return _charge(row)

    async def decide(
        self, charge: Charge, state: ChargeState, *, reason: str | None = None, reference: str | None = None
    ) -> Charge:
        """Move a pending charge to its end and return it as it is then."""
        change = {"wanted": charge.order_id, "state": state, "reason": reason, "reference": reference}
        async with self._database.write_once() as connection:
            changed = (await connection.execute(_DECIDE, change)).rowcount
        if changed:
            return charge.model_copy(update={"state": state, "reason": reason, "reference": reference})
        return await self.find(charge.order_id) or charge

    async def give_up(self, order_id: str) -> Charge | None:
        """Mark the charge of an order as given up, and return it as it was; None when there was none.

        What the order asks for later is refused: the mark is made where there is no charge yet, too.
        """
        before = await self.find(order_id)
        if before is None:
            row = {**_empty(order_id), "state": "given_up", "reason": "order_failed"}
            try:
                async with self._database.write_once() as connection:
                    await connection.execute(_INSERT, row)
            except IntegrityError:
                return await self.give_up(order_id)  # it was charged in this moment
        elif before.state != "declined":
            async with self._database.write_once() as connection:
                await connection.execute(_GIVE_UP, {"wanted": order_id})
        return before

    async def find(self, order_id: str) -> Charge | None:
        """Return the charge of an order, or None when it has none."""
        async with self._database.read() as connection:
            row = (await connection.execute(_FIND, {"wanted": order_id})).one_or_none()
        return _charge(row._asdict()) if row else None

    async def trim(self) -> int:
        """Delete the oldest charges beyond the number that is kept, and return how many."""
        return await self._database.trim(charges, charges.c.created_at, _KEPT_CHARGES)


def _empty(order_id: str) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "amount_cents": 0,
        "state": "pending",
        "reason": None,
        "reference": None,
        "created_at": time.time(),
    }


def _charge(row: dict[str, Any]) -> Charge:
    return Charge.model_validate({**row, "created_at": datetime.fromtimestamp(row["created_at"], UTC)})
