"""Encodes spans as OTLP/JSON.

JSON through orjson costs a sixth of the protobuf encoding and every OTLP/HTTP collector
takes it: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding (ids in hex,
64-bit integers as strings).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import orjson
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from obskit._ids import ids_of

__all__ = ["encode"]

_NO_ID = "0" * 16
_SMALL = frozenset({str, int, bool})
_VARIED = frozenset({"db.query.text", "request.id", "url.full", "url.path"})
"""Attributes that hardly ever have the same value twice, which are not worth remembering."""


def encode(spans: Sequence[ReadableSpan], resource: Resource) -> bytes:
    """Return the body of one ``POST /v1/traces`` for *spans* of one process."""
    ordered = sorted(spans, key=_scope_key)
    scopes = [
        {"scope": _scope(scope), "spans": [_span(span) for span in group]}
        for scope, group in ((list_[0].instrumentation_scope, list_) for list_ in _groups(ordered))
    ]
    body = {
        "resourceSpans": [
            {"resource": {"attributes": _attributes(resource.attributes)}, "scopeSpans": scopes}
        ]
    }
    return orjson.dumps(body)


def _scope_key(span: ReadableSpan) -> str:
    scope = span.instrumentation_scope
    return "" if scope is None else f"{scope.name}\0{scope.version}"


def _groups(ordered: Sequence[ReadableSpan]) -> Iterable[list[ReadableSpan]]:
    return (list(group) for _, group in groupby(ordered, key=_scope_key))


def _scope(scope: InstrumentationScope | None) -> dict[str, str]:
    return {} if scope is None else {"name": scope.name, "version": scope.version or ""}


def _span(span: ReadableSpan) -> dict[str, Any]:
    context, ids = span.context, ids_of(span)
    encoded: dict[str, Any] = {
        "traceId": ids[0] if ids else _NO_ID * 2,
        "spanId": ids[1] if ids else _NO_ID,
        "name": span.name,
        "kind": span.kind.value + 1,  # the SDK counts kinds from 0, OTLP from 1
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(getattr(span, "_attributes", None) or span.attributes),  # not the copy
        "flags": int(context.trace_flags),
    }
    if span.parent is not None:
        encoded["parentSpanId"] = f"{span.parent.span_id:016x}"
    if span.status.status_code.value:
        encoded["status"] = {"code": span.status.status_code.value}
        if span.status.description:
            encoded["status"]["message"] = span.status.description
    if span.events:
        encoded["events"] = [
            {
                "timeUnixNano": str(event.timestamp),
                "name": event.name,
                "attributes": _attributes(event.attributes),
            }
            for event in span.events
        ]
    if span.links:
        encoded["links"] = [
            {
                "traceId": f"{link.context.trace_id:032x}",
                "spanId": f"{link.context.span_id:016x}",
                "attributes": _attributes(link.attributes),
            }
            for link in span.links
        ]
    return encoded


def _attributes(attributes: Mapping[str, Any] | None) -> list[Any]:
    return [
        _rendered(key, value) if key not in _VARIED and type(value) in _SMALL else _attribute(key, value)
        for key, value in (attributes or {}).items()
    ]


def _attribute(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": _value(value)}


@lru_cache(maxsize=2048, typed=True)
def _rendered(key: str, value: Any) -> orjson.Fragment:
    """Return the JSON of an attribute that many spans have, such as a route or a method."""
    return orjson.Fragment(orjson.dumps(_attribute(key, value)))


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": str(value)}
