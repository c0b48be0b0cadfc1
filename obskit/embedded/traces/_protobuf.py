"""OTLP as protobuf: reads pushes, writes answers."""

from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from obskit.embedded.traces._errors import MalformedError

__all__ = ["nested", "payload_of", "status_bytes", "trace_bytes", "varint"]

_SEVEN_BITS = 0x7F


def payload_of(body: bytes) -> dict[str, Any]:
    """Return the export request in *body* as the same content in OTLP/JSON.

    Raises:
        MalformedError: it is no protobuf of an export request.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        msg = "The body is no protobuf of an ExportTraceServiceRequest."
        raise MalformedError(msg) from error
    return {"resourceSpans": [_batch(batch) for batch in request.resource_spans]}


def trace_bytes(trace: bytes) -> bytes:
    """Return *trace*, JSON as Tempo prints it, as protobuf."""
    message = TracesData()
    # Its bytes are base64 there, as in protobuf's own JSON and unlike in OTLP's.
    json_format.Parse(trace, message)
    return message.SerializeToString()


def status_bytes(code: int, message: str) -> bytes:
    """Return a ``google.rpc.Status``: what OTLP/HTTP answers when it refuses."""
    return b"\x08" + varint(code) + nested(2, message.encode())


def nested(field: int, content: bytes) -> bytes:
    """Return *content* as the length-delimited field *field* of a message."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    """Return *number*, not negative, as protobuf writes it."""
    parts = bytearray()
    while number > _SEVEN_BITS:
        parts.append(number & _SEVEN_BITS | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _batch(batch: Any) -> dict[str, Any]:
    resource = batch.resource
    return {
        "resource": {
            "attributes": _attributes(resource.attributes),
            "droppedAttributesCount": resource.dropped_attributes_count,
        },
        "scopeSpans": [_group(group) for group in batch.scope_spans],
    }


def _group(group: Any) -> dict[str, Any]:
    scope = group.scope
    return {
        "scope": {
            "name": scope.name,
            "version": scope.version,
            "attributes": _attributes(scope.attributes),
            "droppedAttributesCount": scope.dropped_attributes_count,
        },
        "spans": [_span(span) for span in group.spans],
    }


def _span(span: Any) -> dict[str, Any]:
    return {
        "traceId": _id(span.trace_id),
        "spanId": _id(span.span_id),
        "parentSpanId": _id(span.parent_span_id),
        "traceState": span.trace_state,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano,
        "endTimeUnixNano": span.end_time_unix_nano,
        "attributes": _attributes(span.attributes),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": [_event(event) for event in span.events],
        "droppedEventsCount": span.dropped_events_count,
        "links": [_link(link) for link in span.links],
        "droppedLinksCount": span.dropped_links_count,
        "status": {"code": span.status.code, "message": span.status.message},
    }


def _event(event: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": event.time_unix_nano,
        "name": event.name,
        "attributes": _attributes(event.attributes),
        "droppedAttributesCount": event.dropped_attributes_count,
    }


def _link(link: Any) -> dict[str, Any]:
    return {
        "traceId": _id(link.trace_id),
        "spanId": _id(link.span_id),
        "traceState": link.trace_state,
        "attributes": _attributes(link.attributes),
        "droppedAttributesCount": link.dropped_attributes_count,
    }


def _id(found: bytes) -> str | None:
    return found.hex() if found else None


def _attributes(attributes: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"key": entry.key, "value": _value(entry.value)} for entry in attributes]


def _value(value: Any) -> dict[str, Any]:
    read = _VALUES.get(value.WhichOneof("value"))
    return {} if read is None else read(value)


_VALUES: dict[str | None, Callable[[Any], dict[str, Any]]] = {
    "string_value": lambda value: {"stringValue": value.string_value},
    # As text: the reader remembers those.
    "int_value": lambda value: {"intValue": str(value.int_value)},
    "bool_value": lambda value: {"boolValue": value.bool_value},
    "double_value": lambda value: {"doubleValue": value.double_value},
    "array_value": lambda value: {
        "arrayValue": {"values": [_value(one) for one in value.array_value.values]}
    },
    "kvlist_value": lambda value: {"kvlistValue": {"values": _attributes(value.kvlist_value.values)}},
    "bytes_value": lambda value: {"bytesValue": b64encode(value.bytes_value).decode()},
}
