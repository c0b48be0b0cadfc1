"""The JetStream streams of the sample services: what each keeps, and for how long."""

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

__all__ = ["DEAD", "MAIL", "ORDERS", "REASON", "STREAMS", "dead_subject"]

ORDERS = "ORDERS"
"""Every event about orders; each consumer reads it at its own pace."""
MAIL = "MAIL"
"""Batches of mail to send: a work queue, in which a batch is gone when a worker has done it."""
DEAD = "DEAD"
"""Messages that were given up, under ``dead.<consumer>.<subject>``, until somebody has looked at them."""
REASON = "Dead-Reason"
"""The header of a dead letter that says why it was given up."""

_HOUR_S = 3600
_MB = 1024 * 1024

STREAMS = {
    ORDERS: StreamConfig(
        name=ORDERS,
        subjects=["orders.*"],
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=24 * _HOUR_S,
        max_bytes=64 * _MB,
        duplicate_window=120,  # seconds in which a repeated Nats-Msg-Id is dropped
    ),
    MAIL: StreamConfig(
        name=MAIL,
        subjects=["mail.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,  # a full queue refuses: the outbox keeps what is not taken
        max_bytes=32 * _MB,
        duplicate_window=120,
    ),
    DEAD: StreamConfig(
        name=DEAD,
        subjects=["dead.>"],
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=7 * 24 * _HOUR_S,
        max_bytes=32 * _MB,
        duplicate_window=120,
    ),
}
"""Made by whichever service comes first. Together half of what the stack gives to NATS (256 MB)."""


def dead_subject(consumer: str, subject: str) -> str:
    """Return where a message of *subject* goes that *consumer* has given up."""
    return f"dead.{consumer}.{subject}"
