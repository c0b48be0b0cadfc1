"""Reads single fields of OTLP/JSON, and says what is wrong with one that is none."""

from typing import Any

from obskit.embedded.traces._errors import MalformedError

__all__ = ["integer_of", "list_of", "mapping_of", "text_of", "unlike", "unsigned_of"]

_MAX_TEXT = 2_048
_UNSIGNED = range(2**64)
_DIGITS = 20


def list_of(value: Any, name: str) -> list[Any]:
    """Return *value*, a list or nothing."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise unlike(value, name, "a list")
    return value


def mapping_of(value: Any, name: str) -> dict[str, Any]:
    """Return *value*, an object or nothing."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise unlike(value, name, "an object")
    return value


def text_of(value: Any, name: str) -> str:
    """Return *value*, a text or nothing, cut to what the store keeps."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise unlike(value, name, "a string")
    # A text with fewer characters may still have more bytes.
    return value if len(value) * 4 <= _MAX_TEXT else _cut(value)


def unsigned_of(value: Any, name: str) -> int:
    """Return *value*, a number of up to 64 bits as a number or as text, or nothing."""
    number = 0 if value is None or value == "" else integer_of(value, name)
    if number not in _UNSIGNED:
        raise unlike(value, name, "a number from 0 to 18446744073709551615")
    return number


def integer_of(value: Any, name: str) -> int:
    """Return *value*, a whole number as a number or as text."""
    if isinstance(value, str) and len(value) <= _DIGITS:
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdigit():
            return int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    raise unlike(value, name, "a whole number")


def unlike(value: Any, name: str, accepted: str) -> MalformedError:
    """Return the refusal of *value* for the field *name*."""
    shown = type(value).__name__ if isinstance(value, dict | list) else repr(value)[:60]
    return MalformedError(f"{name} is {shown}; accepted is {accepted}.")


def _cut(text: str) -> str:
    encoded = text.encode("utf-8")
    return text if len(encoded) <= _MAX_TEXT else encoded[:_MAX_TEXT].decode("utf-8", "ignore")
