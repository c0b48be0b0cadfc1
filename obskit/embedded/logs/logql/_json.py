"""Reads JSON as forgivingly as Loki does: fields before a broken place count, and numbers keep their text."""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

__all__ = [
    "MAX_DEPTH",
    "JsonError",
    "Pairs",
    "broken_fields_of",
    "clean",
    "decoded",
    "everything",
    "fields_of",
    "find",
    "joined",
    "sanitized",
    "too_deep",
]

_BLANK = " \n\r\t"
_STRING_END = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_TOKEN_END = re.compile(r"[ \n\r\t,}\]]")
_NAME = re.compile(r"[^a-zA-Z0-9_]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WIDE_SPACE = "\t\n\v\f\r \x85\xa0"

_OBJECT = "Value looks like object, but can't find closing '}' symbol"
_ARRAY = "Value is array, but can't find closing ']' symbol"
_STRING = "Value is string, but can't find closing '\"' symbol"
_MALFORMED = "Malformed JSON error"
_UNKNOWN = "Unknown value type"
_ESCAPE = "Encountered an invalid escape sequence in a string"
MAX_DEPTH = 200

Enter = Callable[[str], bool]
"""Asked whether an object is of interest, by the beginning of its labels."""


class JsonError(ValueError):
    """The line is not JSON from some place on; the text is Loki's."""


def _refuse(text: str) -> None:
    raise ValueError(text)


_DECODER = json.JSONDecoder(
    strict=False, object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=_refuse
)


def sanitized(key: str, *, first: bool) -> str:
    """Return *key* as a label name may be written; *first* when nothing stands before it."""
    name = key.strip(_WIDE_SPACE)
    if first and name[:1].isascii() and name[:1].isdigit():
        name = "_" + name
    return _NAME.sub("_", name)


def too_deep() -> JsonError:
    """Return the error of a line that is nested deeper than :data:`MAX_DEPTH`."""
    return JsonError(_OBJECT)


def everything(_prefix: str) -> bool:
    """Take every object as of interest."""
    return True


Pairs = tuple[tuple[str, Any], ...]
"""A JSON object: names and values; numbers are their text, objects are pairs again."""


def decoded(line: str) -> Pairs | None:
    """Return the JSON object *line*, or None when it is broken and has to be read field by field.

    Raises:
        JsonError: it is JSON and no object.
    """
    start = 0 if line[:1] == "{" else _skip(line, 0)
    if line[start : start + 1] != "{":
        raise JsonError(_OBJECT)
    try:
        value: Pairs = _DECODER.raw_decode(line, start)[0]  # what comes after it does not matter
    except RecursionError as error:
        raise JsonError(_OBJECT) from error
    except ValueError:
        return None
    return value


def fields_of(line: str, enter: Enter) -> Iterator[tuple[str, str]]:
    """Return the fields of the JSON object *line* as labels; nested names are joined by ``_``.

    Raises:
        JsonError: the line is broken; what stood before the place was returned.
    """
    pairs = decoded(line)
    if pairs is None:
        yield from broken_fields_of(line, enter)
    else:
        yield from _walk(pairs, "", enter, 0)


def broken_fields_of(line: str, enter: Enter) -> Iterator[tuple[str, str]]:
    """Return the fields of a line that is no JSON, up to the place where it breaks.

    Raises:
        JsonError: says what breaks it.
    """
    return _each_field(line, "", enter, _Budget(line))


def _walk(pairs: Pairs, prefix: str, enter: Enter, depth: int) -> Iterator[tuple[str, str]]:
    for key, value in pairs:
        if isinstance(value, str):
            yield joined(prefix, key), value if value.isascii() else clean(value)
        elif isinstance(value, bool):
            yield joined(prefix, key), "true" if value else "false"
        elif isinstance(value, tuple):
            inner = joined(prefix, key)
            if depth >= MAX_DEPTH:
                raise JsonError(_OBJECT)
            if enter(inner):
                yield from _walk(value, inner, enter, depth + 1)


@lru_cache(maxsize=4096)
def joined(prefix: str, key: str) -> str:
    """Return the label of the field *key* in an object whose fields begin with *prefix*."""
    return f"{prefix}_{sanitized(key, first=False)}" if prefix else sanitized(key, first=True)


def clean(text: str) -> str:
    """Return *text* as a label may hold it."""
    if _SURROGATE.search(text):
        return ""
    return text.replace("\ufffd", " ")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


class _Budget:
    """Bounds the work on one line: each level of nesting looks for its end anew."""

    def __init__(self, line: str) -> None:
        self._left = 8 * len(line) + 1_000_000

    def spend(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise JsonError(_OBJECT)


def _each_field(text: str, prefix: str, enter: Enter, budget: _Budget) -> Iterator[tuple[str, str]]:
    budget.spend(text)
    for key, kind, raw in _pairs(text, 0):
        name = joined(prefix, key)
        if kind == "string":
            yield name, _unescaped(raw) or ""
        elif kind in {"number", "boolean"}:
            yield name, raw
        elif kind == "object" and enter(name):
            yield from _each_field(raw, name, enter, budget)


def _pairs(text: str, at: int) -> Iterator[tuple[str, str, str]]:
    at = _skip(text, at)
    if text[at : at + 1] != "{":
        raise JsonError(_OBJECT)
    at = _skip(text, at + 1)
    if at >= len(text):
        raise JsonError(_MALFORMED)
    after_comma = False
    while True:
        if text[at] == "}" and not after_comma:
            return
        if text[at] != '"':
            raise JsonError(_OBJECT)
        key, at = _key(text, at + 1)
        kind, raw, at = _value(text, at)
        yield key, kind, raw
        at = _skip(text, at)
        if at >= len(text):
            raise JsonError(_ARRAY)
        if text[at] == "}":
            return
        if text[at] != ",":
            raise JsonError(_OBJECT)
        at, after_comma = _skip(text, at + 1), True
        if at >= len(text):
            raise JsonError(_ARRAY)


def _key(text: str, at: int) -> tuple[str, int]:
    end = _STRING_END.match(text, at)
    if end is None:
        raise JsonError(_MALFORMED)
    key = _unescaped(text[at : end.end() - 1])
    if key is None:
        raise JsonError(_ESCAPE)
    colon = _skip(text, end.end())
    if text[colon : colon + 1] != ":":
        raise JsonError(_MALFORMED)
    return key, colon + 1


def _value(text: str, at: int) -> tuple[str, str, int]:
    """Return the kind, the raw text and the end of the value at *at*."""
    at = _skip(text, at)
    if at >= len(text):
        raise JsonError(_MALFORMED)
    character = text[at]
    if character == '"':
        match = _STRING_END.match(text, at + 1)
        if match is None:
            raise JsonError(_STRING)
        return "string", text[at + 1 : match.end() - 1], match.end()
    if character in "[{":
        end = _block_end(text, at, character, "]" if character == "[" else "}")
        if end == -1:
            raise JsonError(_ARRAY if character == "[" else _OBJECT)
        return ("array" if character == "[" else "object"), text[at:end], end
    stop = _TOKEN_END.search(text, at)
    end = stop.start() if stop else len(text)
    return _kind(text[at:end]), text[at:end], end


def _kind(raw: str) -> str:
    if raw in {"true", "false"}:
        return "boolean"
    if raw == "null":
        return "null"
    if raw[:1] and raw[0] in "0123456789-":
        return "number"
    raise JsonError(_UNKNOWN)


def _block_end(text: str, at: int, opening: str, closing: str) -> int:
    level, interesting = 0, re.compile(f'["{re.escape(opening)}{re.escape(closing)}]')
    while (match := interesting.search(text, at)) is not None:
        at = match.end()
        if match[0] == '"':
            end = _STRING_END.match(text, at)
            if end is None:
                return -1
            at = end.end()
        else:
            level += 1 if match[0] == opening else -1
            if level == 0:
                return at
    return -1


def _unescaped(raw: str) -> str | None:
    if "\\" not in raw:
        return raw.replace("\ufffd", " ")
    try:
        text: str = json.loads(f'"{raw}"', strict=False)
    except ValueError:
        return None
    return None if _SURROGATE.search(text) else text.replace("\ufffd", " ")


def find(line: str, path: tuple[str | int, ...]) -> str | None:
    """Return the value at *path* of the JSON text *line* as a label has it, or None.

    Objects and arrays are returned as they are written, null as an empty text.
    """
    kind, raw = "", line
    try:
        for step in path:
            inner = _member(raw, step) if isinstance(step, str) else _element(raw, step)
            if inner is None:
                return None
            kind, raw = inner
    except JsonError:
        return None
    if kind == "null":
        return ""
    return raw if kind == "object" else _unescaped(raw) or ""


def _member(text: str, name: str) -> tuple[str, str] | None:
    for key, kind, raw in _pairs(text, 0):
        if key == name:
            return kind, raw
    return None


def _element(text: str, index: int) -> tuple[str, str] | None:
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        return None
    at, place = _skip(text, at + 1), 0
    while at < len(text) and text[at] != "]":
        kind, raw, at = _value(text, at)
        if place == index:
            return kind, raw
        place, at = place + 1, _skip(text, at)
        if text[at : at + 1] != ",":
            return None
        at = _skip(text, at + 1)
    return None
