"""Typed values: what a query writes down, and what an attribute holds."""

import math
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from obskit.embedded.traces.traceql._durations import go_duration

__all__ = [
    "ELEMENT_OF",
    "KINDS",
    "NIL",
    "NIL_TEXT",
    "NUMERIC",
    "STATUSES",
    "Static",
    "Type",
    "any_value",
    "static_of",
]


class Type(IntEnum):
    """The types of TraceQL. The first five are what an attribute of a span can be."""

    NIL = 0
    STRING = 1
    INT = 2
    FLOAT = 3
    BOOLEAN = 4
    STRING_ARRAY = 5
    INT_ARRAY = 6
    FLOAT_ARRAY = 7
    BOOLEAN_ARRAY = 8
    DURATION = 9
    STATUS = 10
    KIND = 11
    ATTRIBUTE = 12  # known only when a span is looked at


NUMERIC = frozenset({Type.INT, Type.FLOAT, Type.DURATION})
ELEMENT_OF = {
    Type.STRING_ARRAY: Type.STRING,
    Type.INT_ARRAY: Type.INT,
    Type.FLOAT_ARRAY: Type.FLOAT,
    Type.BOOLEAN_ARRAY: Type.BOOLEAN,
}
_ARRAY_OF = {element: array for array, element in ELEMENT_OF.items()}

STATUSES = ("unset", "ok", "error")
"""Names of the status codes of OTLP, by number."""
KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""Names of the span kinds of OTLP, by number."""


class Static(NamedTuple):
    """A value and its type; of arrays the value is a tuple, of a status or a kind its number."""

    type: Type
    value: Any

    def text(self) -> str:
        """Return the value as Tempo lists it among the values of a tag."""
        return _TEXTS.get(self.type, str)(self.value)


NIL = Static(Type.NIL, None)
NIL_TEXT = Static(Type.STRING, "nil")
"""What Tempo's storage answers where it was asked for an attribute that is not there."""


def static_of(value: Mapping[str, Any]) -> Static:
    """Return what the JSON of an OTLP value holds; NIL for what TraceQL cannot compare (maps, bytes)."""
    for key, content in value.items():
        match key:
            case "stringValue":
                return Static(Type.STRING, content)
            case "intValue":
                return Static(Type.INT, int(content))
            case "boolValue":
                return Static(Type.BOOLEAN, content)
            case "doubleValue":
                return Static(Type.FLOAT, float(content))
            case "arrayValue":
                return _array([static_of(element) for element in content.get("values", ())])
    return NIL


def any_value(static: Static) -> dict[str, Any]:
    """Return *static* as the JSON of an OTLP value, as Tempo prints it in the answer of a search."""
    match static.type:
        case Type.INT:
            return {"intValue": str(static.value)}
        case Type.FLOAT:
            return {"doubleValue": static.value}
        case Type.BOOLEAN:
            return {"boolValue": static.value}
        case array if array in ELEMENT_OF:
            element = ELEMENT_OF[array]
            return {"arrayValue": {"values": [any_value(Static(element, item)) for item in static.value]}}
        case _:
            return {"stringValue": static.text()}


def _array(elements: Sequence[Static]) -> Static:
    types = {element.type for element in elements}
    if len(types) != 1 or (kind := next(iter(types))) not in _ARRAY_OF:
        return NIL
    if len(elements) == 1:
        return elements[0]
    return Static(_ARRAY_OF[kind], tuple(element.value for element in elements))


def _item(name: str, numbers: Sequence[str]) -> Callable[[int], str]:
    return lambda number: numbers[number] if 0 <= number < len(numbers) else f"{name}({number})"


def _float_text(value: float) -> str:
    """Return *value* as Go prints it."""
    if math.isfinite(value):
        return repr(value).removesuffix(".0")
    return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")


_TEXTS: Mapping[Type, Callable[[Any], str]] = {
    Type.NIL: lambda _: "nil",
    Type.BOOLEAN: lambda value: "true" if value else "false",
    Type.FLOAT: _float_text,
    Type.DURATION: go_duration,
    Type.STATUS: _item("status", STATUSES),
    Type.KIND: _item("kind", KINDS),
}
