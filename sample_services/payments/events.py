"""What payments hears from orders: which orders were given up, so that nobody pays for them."""

import obskit
from sample_services.broker import Consumer
from sample_services.contracts import FAILED, OrderFailed, read
from sample_services.payments.cashier import Cashier

__all__ = ["consumer"]


def consumer(cashier: Cashier) -> Consumer:
    """Return the durable consumer that gives charges up; without the provider it comes again."""

    async def handle(_subject: str, body: bytes) -> None:
        order_id = str(read(OrderFailed, body).order_id)
        obskit.bind(order_id=order_id)
        await cashier.give_up(order_id)

    return Consumer(name="payments", subjects=(FAILED,), handler=handle, max_deliveries=None)
