"""What a message of any broker says about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from obskit.messaging._headers import Headers

__all__ = ["Message", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of a broker that :func:`consume` does not know by itself.

    ``consume`` takes messages of nats-py, aiokafka (and kafka-python) and aio-pika as they
    are. For any other broker, hand it one of these::

        received = obskit.messaging.Message(system="sqs", headers=attributes, delivery=count)
        async with obskit.consume(received, destination="orders"): ...
    """

    system: str
    """OpenTelemetry's name of the broker: kafka, rabbitmq, nats, aws_sqs ..."""
    headers: Headers = None
    """A mapping, or pairs of name and value; values are text or UTF-8 bytes."""
    delivery: int = 1
    """1 for the first delivery of the message."""
    message_id: str = ""
    """The broker's name for the message; empty when it has none."""
    consumer: str = ""
    """The durable consumer or consumer group; empty when there is none."""


def read(message: Any) -> Message:
    """Return what *message* says about itself.

    Raises:
        TypeError: it is not a message of a known broker and not a :class:`Message`.
    """
    for base in type(message).__mro__:
        reader = _READERS.get(base.__module__.partition(".")[0])
        if reader is not None:
            return reader(message)
    msg = (
        f"consume() does not know {type(message).__module__}.{type(message).__qualname__}; pass a message "
        "of nats-py, aiokafka or aio-pika, or an obskit.messaging.Message with its headers."
    )
    raise TypeError(msg)


def _nats(message: Any) -> Message:
    headers = message.headers or {}
    delivery, consumer = 1, ""
    if message.reply.startswith("$JS.ACK."):  # a core message has no metadata and raises
        delivery, consumer = message.metadata.num_delivered, message.metadata.consumer
    message_id = headers.get("Nats-Msg-Id", "")
    return Message(
        system="nats", headers=headers, delivery=delivery, message_id=message_id, consumer=consumer
    )


def _kafka(record: Any) -> Message:
    # Kafka hands a record out again without saying so: the delivery is not known.
    message_id = f"{record.topic}/{record.partition}/{record.offset}"
    return Message(system="kafka", headers=record.headers, message_id=message_id)


def _rabbitmq(message: Any) -> Message:
    # Quorum queues count earlier deliveries; classic ones only say that there was one.
    earlier = (message.headers or {}).get("x-delivery-count")
    delivery = earlier + 1 if isinstance(earlier, int) else 1 + bool(message.redelivered)
    return Message(
        system="rabbitmq", headers=message.headers, delivery=delivery, message_id=message.message_id or ""
    )


def _itself(message: Message) -> Message:
    return message


_READERS: Mapping[str, Callable[[Any], Message]] = {
    "nats": _nats,
    "aiokafka": _kafka,
    "kafka": _kafka,
    "aio_pika": _rabbitmq,
    "obskit": _itself,
}
"""By the package that the message's class, or one of its bases, comes from."""
