"""Messaging metrics: OpenTelemetry's development names, and ours where it has none."""

from obskit.catalog._metric import FLOW_BUCKETS, LATENCY_BUCKETS, Metric

__all__ = [
    "CONSUMED",
    "DEAD_LETTERS",
    "DEAD_LETTER_REASONS",
    "END_TO_END",
    "FLOW_DURATION",
    "PROCESS_DURATION",
    "PUBLISH_DURATION",
    "QUEUE_DEPTH",
    "QUEUE_OLDEST_AGE",
    "QUEUE_REDELIVERED",
    "QUEUE_UNACKNOWLEDGED",
    "QUEUE_UP",
    "REDELIVERED",
    "SENT",
]

DEAD_LETTER_REASONS = ("max_deliveries", "poison")
"""Tried too often, and never to be handled: shown at 0 from a destination's first message on."""

_QUEUE = ("messaging_destination_name", "messaging_consumer_group_name")

SENT = Metric(
    "messaging_client_sent_messages_total",
    "counter",
    "Messages that this process tried to publish; error_type is empty when the broker took them.",
    ("messaging_destination_name", "error_type"),
)
PUBLISH_DURATION = Metric(
    "messaging_client_operation_duration_seconds",
    "histogram",
    "Duration of publishing one message, up to the broker's acknowledgement or the reply where there is one.",
    ("messaging_destination_name", "error_type"),
    LATENCY_BUCKETS,
)
CONSUMED = Metric(
    "messaging_client_consumed_messages_total",
    "counter",
    "Messages handed to a handler; a redelivered message counts again.",
    ("messaging_destination_name", "error_type"),
)
PROCESS_DURATION = Metric(
    "messaging_process_duration_seconds",
    "histogram",
    "Duration of handling one message.",
    ("messaging_destination_name", "error_type"),
    LATENCY_BUCKETS,
)
END_TO_END = Metric(
    "obskit_messaging_end_to_end_duration_seconds",
    "histogram",
    "Time from a message's publishing to the end of its successful handling.",
    ("messaging_destination_name",),
    FLOW_BUCKETS,
)
FLOW_DURATION = Metric(
    "obskit_messaging_flow_duration_seconds",
    "histogram",
    "Time from the start of the request that began a chain of messages to the successful end of this one.",
    ("messaging_destination_name",),
    FLOW_BUCKETS,
)
REDELIVERED = Metric(
    "obskit_messaging_redelivered_messages_total",
    "counter",
    "Messages that were delivered again because an earlier handling failed or timed out.",
    ("messaging_destination_name",),
)
DEAD_LETTERS = Metric(
    "obskit_messaging_dead_letters_total",
    "counter",
    "Messages that were given up and set aside; reason is max_deliveries, poison, or one named in the code.",
    ("messaging_destination_name", "reason"),
)
QUEUE_DEPTH = Metric(
    "obskit_messaging_queue_depth",
    "gauge",
    "Messages that wait for their first delivery to a consumer; NaN while the queue cannot be asked.",
    _QUEUE,
)
QUEUE_UNACKNOWLEDGED = Metric(
    "obskit_messaging_queue_unacknowledged",
    "gauge",
    "Messages delivered and neither acknowledged nor given up yet; NaN while the queue cannot be asked.",
    _QUEUE,
)
QUEUE_REDELIVERED = Metric(
    "obskit_messaging_queue_redelivered",
    "gauge",
    "Unacknowledged messages that were delivered more than once; NaN while the queue cannot be asked.",
    _QUEUE,
)
QUEUE_OLDEST_AGE = Metric(
    "obskit_messaging_queue_oldest_message_age_seconds",
    "gauge",
    "Age of the oldest message that is not done, 0 when all are; NaN while the queue cannot be asked.",
    _QUEUE,
)
QUEUE_UP = Metric(
    "obskit_messaging_queue_up",
    "gauge",
    "1 when the queue could be asked for its state at the last attempt, else 0.",
    _QUEUE,
)
