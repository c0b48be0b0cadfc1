"""How many bytes a span has as protobuf: what Tempo's ``traces_spanmetrics_size_total`` counts."""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["attribute_bytes", "span_bytes"]

_FIXED64 = 9  # one byte of field number and type, eight of content
_TRACE_ID, _SPAN_ID = 18, 10
_SHORT, _MEDIUM = 1 << 7, 1 << 14


def span_bytes(span: Mapping[str, Any], attributes: int) -> int:
    """Return the encoded size of *span*, which is given as Tempo prints it; its *attributes* are that large."""
    size = attributes + _TRACE_ID + _SPAN_ID
    if "parentSpanId" in span:
        size += _SPAN_ID
    size += _text(span.get("traceState", "")) + _text(span.get("name", ""))
    if "kind" in span:
        size += 2
    size += _FIXED64 * (("startTimeUnixNano" in span) + ("endTimeUnixNano" in span))
    for event in span.get("events", ()):
        size += _field(_event(event))
    for link in span.get("links", ()):
        size += _field(_link(link))
    for name in ("droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"):
        if name in span:
            size += 1 + _varint(span[name])
    status = span.get("status", {})
    return size + _field(_text(status.get("message", "")) + (2 if "code" in status else 0))


def attribute_bytes(entry: Mapping[str, Any]) -> int:
    """Return the encoded size of one attribute of a span."""
    return _field(_text(entry["key"]) + _field(_value(entry["value"])))


def _event(event: Mapping[str, Any]) -> int:
    size = _FIXED64 if "timeUnixNano" in event else 0
    return size + _text(event.get("name", "")) + _attributes(event.get("attributes", ())) + _dropped(event)


def _link(link: Mapping[str, Any]) -> int:
    size = (_TRACE_ID if "traceId" in link else 0) + (_SPAN_ID if "spanId" in link else 0)
    return size + _text(link.get("traceState", "")) + _attributes(link.get("attributes", ())) + _dropped(link)


def _dropped(part: Mapping[str, Any]) -> int:
    count = part.get("droppedAttributesCount", 0)
    return 1 + _varint(count) if count else 0


def _attributes(attributes: Sequence[Mapping[str, Any]]) -> int:
    return sum(map(attribute_bytes, attributes))


def _value(value: Mapping[str, Any]) -> int:
    for name, content in value.items():
        return _SIZES[name](content)
    return 0


_SIZES: Mapping[str, Callable[[Any], int]] = {
    "stringValue": lambda content: _field(_length(content)),
    "intValue": lambda content: 1 + _varint(int(content)),
    "boolValue": lambda _: 2,
    "doubleValue": lambda _: _FIXED64,
    "arrayValue": lambda content: _field(sum(_field(_value(element)) for element in content["values"])),
    "kvlistValue": lambda content: _field(_attributes(content["values"])),
    "bytesValue": lambda content: _field(len(b64decode(content))),
}


def _text(text: str) -> int:
    return _field(_length(text)) if text else 0


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8"))


def _field(size: int) -> int:
    """Return the size of a field whose content has *size* bytes: its number, its length, itself."""
    if size < _SHORT:
        return size + 2
    return size + 3 if size < _MEDIUM else size + 1 + _varint(size)


def _varint(number: int) -> int:
    return 10 if number < 0 else max(1, (number.bit_length() + 6) // 7)
