"""Messages: PRODUCER and CONSUMER spans, RED metrics, and the age of the work behind a queue."""

from obskit.messaging._consume import Consumed, consume
from obskit.messaging._nats import install

__all__ = ["Consumed", "consume", "install"]
