"""Reads the attributes of OTLP/JSON: checks them, cuts long texts, and says what to index them under.

Texts are cut at 2048 bytes, as Tempo's ``max_attribute_bytes`` does.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any, NamedTuple

from obskit.embedded.traces._fields import integer_of, list_of, mapping_of, text_of, unlike
from obskit.embedded.traces._size import attribute_bytes
from obskit.embedded.traces.traceql import Type

__all__ = ["AttributeReader", "Attributes", "Indexed"]

Indexed = tuple[str, int, str | int | float]
"""Key, type and value of an attribute, as the store looks for it."""

_MAX_NESTING = 16
_MAX_ATTRIBUTES = 1_024
_MAX_BYTES = 2_048
_MAX_KNOWN, _MAX_KNOWN_TEXT = 20_000, 64
_INTEGERS = range(-(2**63), 2**63)
_STRING, _INT, _FLOAT, _BOOLEAN = int(Type.STRING), int(Type.INT), int(Type.FLOAT), int(Type.BOOLEAN)
_KNOWN_TYPES = {"stringValue": str, "intValue": str, "boolValue": bool}


class Attributes(NamedTuple):
    """Attributes as they are stored, their values to index, and their bytes as protobuf."""

    entries: list[dict[str, Any]]
    indexed: list[Indexed]
    size: int


class _Known(NamedTuple):
    entry: dict[str, Any]
    indexed: tuple[Indexed, ...]
    size: int


class AttributeReader:
    """Reads attributes, and remembers short ones: most spans carry what others carried before."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, Any], _Known] = {}

    def read(self, owner: dict[str, Any]) -> Attributes:
        """Return the attributes of *owner*.

        Raises:
            MalformedError: they are no attributes of OTLP.
        """
        entries: list[dict[str, Any]] = []
        indexed: list[Indexed] = []
        size = 0
        for raw in list_of(owner.get("attributes"), "attributes")[:_MAX_ATTRIBUTES]:
            known = self._one(raw)
            entries.append(known.entry)
            indexed += known.indexed
            size += known.size
        return Attributes(entries, indexed, size)

    def _one(self, raw: Any) -> _Known:
        if not isinstance(raw, dict):
            raise unlike(raw, "attributes", "a list of {key, value}")
        key, value = raw.get("key"), raw.get("value")
        if isinstance(key, str) and isinstance(value, dict) and len(value) == 1:
            ((name, content),) = value.items()
            if type(content) is _KNOWN_TYPES.get(name):
                found = self._known.get((key, name, content))
                return self._remembered((key, name, content)) if found is None else found
        return _read(key, value)

    def _remembered(self, pair: tuple[str, str, Any]) -> _Known:
        key, name, content = pair
        made = _read(key, {name: content})
        if isinstance(content, bool) or len(content) <= _MAX_KNOWN_TEXT:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[pair] = made
        return made


def _read(key: Any, value: Any) -> _Known:
    name, content = text_of(key, "key"), {} if value is None else _value(value, 0)
    indexed: list[Indexed] = []
    _index(name, content, indexed)
    entry = {"key": name, "value": content}
    return _Known(entry, tuple(indexed), attribute_bytes(entry))


def _value(value: Any, nesting: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise unlike(value, "value", "an object such as {stringValue: ...}")
    for name, content in value.items():
        read = _READERS.get(name)
        if read is not None:
            return {name: read(content, nesting)}
    return {}


def _string(content: Any, _: int) -> str:
    return text_of(content, "stringValue")


def _boolean(content: Any, _: int) -> bool:
    if not isinstance(content, bool):
        raise unlike(content, "boolValue", "true or false")
    return content


def _whole(content: Any, _: int) -> str:
    number = integer_of(content, "intValue")
    if number not in _INTEGERS:
        raise unlike(content, "intValue", "a whole number of 64 bits")
    return str(number)


def _double(content: Any, _: int) -> float | str:
    if isinstance(content, bool) or not isinstance(content, int | float | str):
        raise unlike(content, "doubleValue", "a number")
    try:
        number = float(content)
    except (ValueError, OverflowError) as error:
        raise unlike(content, "doubleValue", "a number") from error
    # JSON has no such numbers; Tempo prints their names.
    if number != number:  # noqa: PLR0124 - NaN differs from itself
        return "NaN"
    return number if abs(number) != float("inf") else ("Infinity" if number > 0 else "-Infinity")


def _bytes(content: Any, _: int) -> str:
    text = content if isinstance(content, str) else ""
    try:
        b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise unlike(content, "bytesValue", "base64") from error
    return text if len(text) <= _MAX_BYTES else ""


def _array(content: Any, nesting: int) -> dict[str, Any]:
    values = list_of(mapping_of(content, "arrayValue").get("values"), "values")
    return {"values": [_value(value, _deeper(values, nesting)) for value in values[:_MAX_ATTRIBUTES]]}


def _map(content: Any, nesting: int) -> dict[str, Any]:
    kept = []
    for entry in list_of(mapping_of(content, "kvlistValue").get("values"), "values")[:_MAX_ATTRIBUTES]:
        pair = mapping_of(entry, "values")
        value = pair.get("value")
        key = text_of(pair.get("key"), "key")
        kept.append({"key": key, "value": {} if value is None else _value(value, _deeper(pair, nesting))})
    return {"values": kept}


def _deeper(content: Any, nesting: int) -> int:
    if nesting >= _MAX_NESTING:
        raise unlike(content, "an attribute nested deeper", f"at most {_MAX_NESTING} levels")
    return nesting + 1


_READERS: dict[str, Callable[[Any, int], Any]] = {
    "stringValue": _string,
    "intValue": _whole,
    "boolValue": _boolean,
    "doubleValue": _double,
    "arrayValue": _array,
    "kvlistValue": _map,
    "bytesValue": _bytes,
}


def _index(key: str, value: dict[str, Any], index: list[Indexed]) -> None:
    for name, content in value.items():
        match name:
            case "stringValue":
                index.append((key, _STRING, content))
            case "intValue":
                index.append((key, _INT, int(content)))
            case "boolValue":
                index.append((key, _BOOLEAN, int(content)))
            case "doubleValue":
                if content != "NaN":  # SQLite knows no NaN
                    index.append((key, _FLOAT, float(content)))
            case "arrayValue":
                for element in content["values"]:
                    if "arrayValue" not in element:
                        _index(key, element, index)
