"""What orders hears from inventory: the end of each asynchronous order."""

import obskit
from sample_services.broker import Consumer
from sample_services.contracts import REJECTED, RESERVED, OrderRejected, OrderReserved, read
from sample_services.orders.workflow import Workflow

__all__ = ["consumer"]

_MAX_DELIVERIES = 120
"""About ten minutes: payments may be away for longer than a message is worth trying elsewhere."""


def consumer(workflow: Workflow) -> Consumer:
    """Return the durable consumer that ends orders; an event that comes twice changes nothing."""

    async def handle(subject: str, body: bytes) -> None:
        event = read(OrderRejected if subject == REJECTED else OrderReserved, body)
        order_id = str(event.order_id)
        obskit.bind(order_id=order_id)
        await workflow.end(order_id, event.reason if isinstance(event, OrderRejected) else None)

    return Consumer(
        name="orders", subjects=(RESERVED, REJECTED), handler=handle, max_deliveries=_MAX_DELIVERIES
    )
