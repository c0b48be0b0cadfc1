"""The inventory's side of the asynchronous way: takes orders.created, answers with what came of it."""

from uuid import UUID

import obskit
from sample_services.broker import Broker, Consumer
from sample_services.contracts import (
    CREATED,
    FAILED,
    REJECTED,
    RESERVED,
    OrderCreated,
    OrderFailed,
    OrderRejected,
    OrderReserved,
    read,
)
from sample_services.faults import Faults
from sample_services.inventory.models import Reservation
from sample_services.inventory.store import Inventory

__all__ = ["consumer"]


def consumer(inventory: Inventory, broker: Broker, faults: Faults) -> Consumer:
    """Return the durable consumer that works on *inventory* and answers through *broker*."""
    log = obskit.get_logger()

    async def handle(subject: str, body: bytes) -> None:
        if subject == FAILED:
            await release(read(OrderFailed, body))
        else:
            await reserve(read(OrderCreated, body))

    async def reserve(wanted: OrderCreated) -> None:
        obskit.bind(order_id=str(wanted.order_id))
        await faults.at("consume")
        await faults.at("reserve")
        reservation = await inventory.reserve(wanted)
        log.info("stock.decided", state=reservation.state, sku=wanted.sku, reason=reservation.reason)
        # Before the acknowledgement: if this fails the order comes again and gets the same answer.
        await publish(reservation)

    async def publish(reservation: Reservation) -> None:
        order_id = reservation.order_id
        if reservation.state == "reserved":
            event = OrderReserved(order_id=UUID(order_id))
            await broker.publish(RESERVED, _body(event), message_id=f"{order_id}:reserved")
        else:
            refusal = OrderRejected(order_id=UUID(order_id), reason=reservation.reason or reservation.state)
            await broker.publish(REJECTED, _body(refusal), message_id=f"{order_id}:rejected")

    async def release(given_up: OrderFailed) -> None:
        obskit.bind(order_id=str(given_up.order_id))
        reservation = await inventory.release(str(given_up.order_id))
        log.info("stock.released", state=reservation.state)

    return Consumer(name="inventory", subjects=(CREATED, FAILED), handler=handle)


def _body(event: OrderReserved | OrderRejected) -> bytes:
    return event.model_dump_json().encode()
