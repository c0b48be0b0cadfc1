"""Messaging metrics: OpenTelemetry's development names, and ours where it has none."""

from obskit.catalog._metric import FLOW_BUCKETS, LATENCY_BUCKETS, Metric

__all__ = [
    "CONSUMED",
    "END_TO_END",
    "FLOW_DURATION",
    "PROCESS_DURATION",
    "PUBLISH_DURATION",
    "REDELIVERED",
    "SENT",
]

SENT = Metric(
    "messaging_client_sent_messages_total",
    "counter",
    "Messages that this process tried to publish; error_type is empty when the broker took them.",
    ("messaging_destination_name", "error_type"),
)
PUBLISH_DURATION = Metric(
    "messaging_client_operation_duration_seconds",
    "histogram",
    "Duration of publishing one message, up to the broker's acknowledgement where there is one.",
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
