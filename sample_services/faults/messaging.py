"""Consumers that do not get on, and messages that nobody can read."""

import uuid
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

import obskit
from sample_services.broker import BrokerError
from sample_services.faults._active import Active, Mechanism

__all__ = ["Hang", "Poison"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang(Mechanism):
    """What comes to *point* is not done for *seconds*, or before the fault is off: a lock is not released."""

    point: str
    seconds: float | None = None

    async def strike(self, on: Active, point: str) -> None:
        """Hold back the operations that the level chooses."""
        if point == self.point and on.takes():
            # A span that ends: the operation's own comes to the store when it has ended, if ever.
            with obskit.span("lock.asked"):
                on.leave_evidence(point=point)
            await on.wait(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison(Mechanism):
    """Messages that no consumer can read come to *subject*, *per_s* a second at 100 %."""

    subject: str
    per_s: float

    def running(self, on: Active) -> AbstractAsyncContextManager[None]:
        """Publish them."""
        broker = on.need(on.reach.broker)

        async def publish() -> None:
            with obskit.span("poison.publish"), suppress(BrokerError):
                on.leave_evidence(subject=self.subject)
                body = b'{"order_id": "not an id", "sku": 17}'
                await broker.publish(self.subject, body, message_id=f"poison:{uuid.uuid4()}")

        return on.repeating(1 / (self.per_s * on.share), publish)
