"""Reads a push of OTLP/JSON into spans that are ready to be stored."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from obskit.embedded.traces._errors import MalformedError
from obskit.embedded.traces._fields import list_of, mapping_of, text_of, unlike, unsigned_of
from obskit.embedded.traces._size import span_bytes
from obskit.embedded.traces._values import AttributeReader, Attributes, Indexed
from obskit.embedded.traces.traceql import Type

__all__ = ["NewSpan", "Owner", "PushReader"]

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")
_TRACE_BITS, _SPAN_BITS = 128, 64
_MAX_PARTS = 1_024
_MAX_ENUM = 2**31


@dataclass(frozen=True, slots=True)
class Owner:
    """What the spans of a batch share: their resource or their instrumentation scope.

    *name* is the service of a resource, and the name of a scope.
    """

    body: bytes
    name: str
    attributes: Sequence[dict[str, Any]]
    indexed: Sequence[Indexed]


# A named tuple because one is made for every span, and a frozen dataclass takes five times as long.
class NewSpan(NamedTuple):
    """A span that has arrived: *body* is it as Tempo prints it, *size* its bytes as protobuf.

    *indexed* are the values of its attributes, *events* and *links* those of its parts.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    kind: int
    status: int
    status_message: str
    start_ns: int
    end_ns: int
    resource: Owner
    scope: Owner
    attributes: Sequence[dict[str, Any]]
    indexed: Sequence[Indexed]
    events: Sequence[Indexed]
    links: Sequence[Indexed]
    event_names: Sequence[str]
    body: bytes
    size: int

    @property
    def duration_ns(self) -> int:
        """Its length; 0 when it ends before it starts."""
        return max(self.end_ns - self.start_ns, 0)


class PushReader:
    """Reads pushes, one at a time."""

    def __init__(self) -> None:
        self._attributes = AttributeReader()

    def read(self, payload: Any) -> list[NewSpan]:
        """Return the spans of *payload*, the content of an OTLP/JSON export request.

        Raises:
            MalformedError: it is no such request, or an id in it is none.
        """
        if not isinstance(payload, dict):
            msg = "The body is no OTLP export request; accepted is an object with resourceSpans."
            raise MalformedError(msg)
        return list(self._spans(payload))

    def _spans(self, payload: dict[str, Any]) -> Iterator[NewSpan]:
        for batch in _mappings(payload, "resourceSpans"):
            resource = self._resource(mapping_of(batch.get("resource"), "resource"))
            for group in _mappings(batch, "scopeSpans"):
                scope = self._scope(mapping_of(group.get("scope"), "scope"))
                for span in _mappings(group, "spans"):
                    yield self._span(span, resource, scope)

    def _resource(self, raw: dict[str, Any]) -> Owner:
        found = self._attributes.read(raw)
        body = _counted({"attributes": found.entries} if found.entries else {}, raw, "droppedAttributesCount")
        named = [entry["value"] for entry in found.entries if entry["key"] == "service.name"]
        service = str(named[0].get("stringValue", "")) if named else ""
        # Tempo has a column for the service of every resource.
        indexed = found.indexed if named else [*found.indexed, ("service.name", int(Type.STRING), "")]
        return Owner(orjson.dumps(body), service, found.entries, indexed)

    def _scope(self, raw: dict[str, Any]) -> Owner:
        found = self._attributes.read(raw)
        name, version = text_of(raw.get("name"), "scope.name"), text_of(raw.get("version"), "scope.version")
        body: dict[str, Any] = {}
        if name:
            body["name"] = name
        if version:
            body["version"] = version
        if found.entries:
            body["attributes"] = found.entries
        _counted(body, raw, "droppedAttributesCount")
        return Owner(orjson.dumps(body), name, found.entries, found.indexed)

    def _span(self, raw: dict[str, Any], resource: Owner, scope: Owner) -> NewSpan:
        head = _Head.of(raw)
        attributes = self._attributes.read(raw)
        index: list[Indexed] = []
        events = self._parts(raw, "events", index)
        of_links: list[Indexed] = []
        links = self._parts(raw, "links", of_links)
        body = _body(raw, head, attributes, events, links)
        names = {event.get("name", "") for event in events} if events else ()
        return NewSpan(
            *head,
            resource,
            scope,
            attributes.entries,
            attributes.indexed,
            index,
            of_links,
            tuple(names),
            orjson.dumps(body),
            span_bytes(body, attributes.size),
        )

    def _parts(self, raw: dict[str, Any], name: str, index: list[Indexed]) -> list[dict[str, Any]]:
        """Return the events or the links of a span, and add the values of their attributes to *index*."""
        if not raw.get(name):
            list_of(raw.get(name), name)
            return []
        read = _event if name == "events" else _link
        parts = []
        for one in _mappings(raw, name)[:_MAX_PARTS]:
            part, attributes = read(one), self._attributes.read(one)
            if attributes.entries:
                part["attributes"] = attributes.entries
            index += attributes.indexed
            parts.append(_counted(part, one, "droppedAttributesCount"))
        return parts


class _Head(NamedTuple):
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    kind: int
    status: int
    status_message: str
    start_ns: int
    end_ns: int

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "_Head":
        status = mapping_of(raw.get("status"), "status")
        return cls(
            _id(raw.get("traceId"), _TRACE_BITS),
            _id(raw.get("spanId"), _SPAN_BITS),
            _parent(raw.get("parentSpanId")),
            text_of(raw.get("name"), "name"),
            _enum(raw.get("kind"), "SPAN_KIND_", _KINDS),
            _enum(status.get("code"), "STATUS_CODE_", _STATUSES),
            text_of(status.get("message"), "status.message"),
            unsigned_of(raw.get("startTimeUnixNano"), "startTimeUnixNano"),
            unsigned_of(raw.get("endTimeUnixNano"), "endTimeUnixNano"),
        )


def _body(
    raw: dict[str, Any],
    head: _Head,
    attributes: Attributes,
    events: list[dict[str, Any]],
    links: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return the span as Tempo prints it: what is empty or zero is left out, the status never."""
    body: dict[str, Any] = {"traceId": _base64(head.trace_id), "spanId": _base64(head.span_id)}
    if state := text_of(raw.get("traceState"), "traceState"):
        body["traceState"] = state
    if head.parent_id:
        body["parentSpanId"] = _base64(head.parent_id)
    if head.name:
        body["name"] = head.name
    if head.kind:
        body["kind"] = _printed(head.kind, "SPAN_KIND_", _KINDS)
    _timed(body, "startTimeUnixNano", head.start_ns)
    _timed(body, "endTimeUnixNano", head.end_ns)
    if attributes.entries:
        body["attributes"] = attributes.entries
    if events:
        body["events"] = events
    if links:
        body["links"] = links
    for name in ("droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"):
        _counted(body, raw, name)
    body["status"] = _status(head.status, head.status_message)
    return body


def _event(raw: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    _timed(event, "timeUnixNano", unsigned_of(raw.get("timeUnixNano"), "timeUnixNano"))
    if name := text_of(raw.get("name"), "name"):
        event["name"] = name
    return event


def _link(raw: dict[str, Any]) -> dict[str, Any]:
    link: dict[str, Any] = {}
    for name, bits in (("traceId", _TRACE_BITS), ("spanId", _SPAN_BITS)):
        if raw.get(name):
            link[name] = _base64(_bytes(raw[name], bits))
    if state := text_of(raw.get("traceState"), "traceState"):
        link["traceState"] = state
    return link


def _status(code: int, message: str) -> dict[str, Any]:
    status: dict[str, Any] = {}
    if message:
        status["message"] = message
    if code:
        status["code"] = _printed(code, "STATUS_CODE_", _STATUSES)
    return status


def _mappings(raw: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [mapping_of(entry, name) for entry in list_of(raw.get(name), name)]


def _counted(body: dict[str, Any], raw: dict[str, Any], name: str) -> dict[str, Any]:
    if (raw_count := raw.get(name)) and (count := unsigned_of(raw_count, name)):
        body[name] = count % 2**32
    return body


def _timed(body: dict[str, Any], name: str, nanos: int) -> None:
    if nanos:
        body[name] = str(nanos)


def _enum(value: Any, prefix: str, names: tuple[str, ...]) -> int:
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_ENUM:
        return value
    if isinstance(value, str) and value.removeprefix(prefix) in names:
        return names.index(value.removeprefix(prefix))
    raise unlike(value, prefix.rstrip("_").lower(), f"a number from 0 to {len(names) - 1}")


def _printed(number: int, prefix: str, names: tuple[str, ...]) -> str | int:
    return prefix + names[number] if number < len(names) else number


def _id(value: Any, bits: int) -> bytes:
    found = _bytes(value, bits) if value else b""
    if not any(found):
        if bits == _TRACE_BITS:
            msg = "trace ids must be 128 bit, received 0 bits"
        else:
            msg = "span ids must be 64 bit and not all zero, received 0 bits"
        raise MalformedError(msg)
    return found


def _parent(value: Any) -> bytes:
    found = _bytes(value, _SPAN_BITS) if value else b""
    return found if any(found) else b""


def _bytes(value: Any, bits: int) -> bytes:
    try:
        found = bytes.fromhex(value) if isinstance(value, str) and value.isalnum() else None
    except ValueError:
        found = None
    if found is None:
        raise unlike(value, "an id", f"{bits // 4} hex digits")
    if len(found) * 8 != bits:
        what = "trace" if bits == _TRACE_BITS else "span"
        msg = f"{what} ids must be {bits} bit, received {len(found) * 8} bits"
        raise MalformedError(msg)
    return found


def _base64(found: bytes) -> str:
    return b64encode(found).decode()
