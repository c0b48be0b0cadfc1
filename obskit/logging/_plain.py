"""Turns any value into plain JSON, with its secrets taken out."""

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import singledispatch
from pathlib import PurePath
from reprlib import Repr
from traceback import format_exception_only
from typing import Any
from uuid import UUID

from obskit.redaction import MARKER, is_secret_key, redact_text

__all__ = ["plain", "plain_fields", "shortened", "text_of"]

_DEPTH = 8
_TOO_DEEP = "[too deep]"
_TOO_LARGE = "[too large]"
_LARGEST = 2**63
_CARD_LEAST = 10**12
_SHORT = 1000
_FIELDS = 50

# repr_instance() survives objects whose own __repr__ fails.
_repr = Repr()
_repr.maxother = 4000


def text_of(value: object) -> str:
    """Return *value* as text that UTF-8 can encode; never raises."""
    text = str.__str__(value) if isinstance(value, str) else _repr.repr_instance(value, 0)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def plain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* as plain JSON without secrets: the careful way, for what the fast way refuses."""
    return _object(fields.items(), _DEPTH)


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """Return *value* as plain JSON without secrets, at most *depth* containers deep."""
    return _plain(value, depth) if depth else _TOO_DEEP


def shortened(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain *fields* with long texts cut in the middle and long lists left out."""
    return {key: _shortened(value) for key, value in list(fields.items())[:_FIELDS]}


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        cut = len(value) - 2 * _SHORT
        return value if cut <= 0 else f"{value[:_SHORT]}[{cut} characters cut]{value[-_SHORT:]}"
    if isinstance(value, dict):
        return shortened(value)
    return _TOO_LARGE if isinstance(value, list) and len(value) > _FIELDS else value


def _object(items: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Any]:
    return {_name(key): _member(key, value, depth) for key, value in list(items)}


def _member(key: Any, value: Any, depth: int) -> Any:
    if is_secret_key(key) and value is not None and not isinstance(value, bool):
        return MARKER
    return plain(value, depth - 1)


def _name(key: Any) -> str:
    if isinstance(key, bytes):
        return redact_text(key.decode("utf-8", "backslashreplace"))
    return redact_text(text_of(key))


@singledispatch
def _plain(value: Any, depth: int) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if not field.name.startswith("_")]
        return _object([(name, getattr(value, name, None)) for name in names], depth)
    return redact_text(text_of(value))


@_plain.register
def _(value: str, _depth: int) -> str:
    return redact_text(text_of(value))


@_plain.register(bytes)
@_plain.register(bytearray)
def _(value: bytes | bytearray, _depth: int) -> str:
    return redact_text(value.decode("utf-8", "backslashreplace"))


@_plain.register(type(None))
@_plain.register(float)
def _(value: float | None, _depth: int) -> float | None:
    return value


@_plain.register(datetime)
@_plain.register(date)
@_plain.register(time)
def _(value: datetime | date | time, _depth: int) -> str:
    return value.isoformat()


@_plain.register(UUID)
@_plain.register(Decimal)
@_plain.register(timedelta)
def _(value: UUID | Decimal | timedelta, _depth: int) -> str:
    return str(value)


@_plain.register
def _(value: PurePath, _depth: int) -> str:
    return redact_text(text_of(str(value)))


@_plain.register
def _(value: int, _depth: int) -> Any:
    # A card number may come as a number; and JSON readers lose digits beyond 64 bits.
    if -_CARD_LEAST < value < _CARD_LEAST:
        return int(value) if type(value) not in {int, bool} else value
    text = text_of(value)
    return redact_text(text) if redact_text(text) != text or abs(value) >= _LARGEST else int(value)


@_plain.register
def _(value: Enum, depth: int) -> Any:
    return plain(value.value, depth - 1)


@_plain.register
def _(value: BaseException, _depth: int) -> str:
    return redact_text("".join(format_exception_only(value)).strip())


@_plain.register
def _(value: dict, depth: int) -> dict[str, Any]:  # type: ignore[type-arg]  # singledispatch reads the class
    return _object(dict.items(value), depth)


@_plain.register(list)
@_plain.register(set)
@_plain.register(frozenset)
@_plain.register(deque)
def _(value: Iterable[Any], depth: int) -> list[Any]:
    return [plain(item, depth - 1) for item in list(value)]


@_plain.register
def _(value: tuple, depth: int) -> Any:  # type: ignore[type-arg]  # as above
    names = getattr(value, "_fields", None)
    if names is None:
        return [plain(item, depth - 1) for item in value]
    return _object(zip(names, value, strict=False), depth)
