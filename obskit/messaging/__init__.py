"""Messages: PRODUCER and CONSUMER spans, RED metrics, and the age of the work behind a queue."""

from obskit.messaging._consume import Consumed, consume
from obskit.messaging._headers import Headers, OutgoingHeaders, message_headers
from obskit.messaging._message import Message
from obskit.messaging._nats import install
from obskit.messaging._publish import Produced, produce
from obskit.messaging._watch import QueueState, QueueWatch, jetstream_state

__all__ = [
    "Consumed",
    "Headers",
    "Message",
    "OutgoingHeaders",
    "Produced",
    "QueueState",
    "QueueWatch",
    "consume",
    "install",
    "jetstream_state",
    "message_headers",
    "produce",
]
