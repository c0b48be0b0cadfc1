"""Finds the regular expressions that Loki replaces by plain text searches, because it changes what they match.

Loki turns a line or label filter such as ``foo.*`` into "contains foo". For a label filter
that drops the anchors: ``| user=~"ann.*"`` also takes ``joann``. Equal answers need the same
rules, so this reads just enough of Go's syntax to know which expressions are concerned.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

__all__ = ["Test", "simplified"]

Test = Callable[[str], bool]
MAX_DEPTH = 50
_SPECIAL = frozenset("\\.+*?()|[]{}^$")
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_MOST_PARTS = 3


@dataclass(frozen=True, slots=True)
class _Text:
    """Characters as they are; *folded* is ``(?i)``."""

    value: str
    folded: bool = False


@dataclass(frozen=True, slots=True)
class _Other:
    """Something that is not looked into, such as ``star`` (``.*``) or a character class."""

    kind: str = "other"


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple["_Node", ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    parts: tuple["_Node", ...]


_Node = _Text | _Other | _Sequence | _Choice
_STAR, _SOME, _ANY, _EMPTY, _CLASS = (_Other(kind) for kind in ("star", "some", "any", "empty", "class"))


class _TooComplexError(Exception):
    """The expression has something that Loki leaves to the regular expression engine."""


class _Reader:
    """Reads the part of Go's syntax that can be simplified; anything else ends it."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self._at = 0
        self._folded = False

    def read(self) -> _Node:
        node = self._choice(0)
        if self._at < len(self._text):
            raise _TooComplexError
        return node

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _choice(self, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise _TooComplexError
        folded, parts = self._folded, [self._sequence(depth)]
        while self._peek() == "|":
            self._at += 1
            parts.append(self._sequence(depth))
        self._folded = folded
        return parts[0] if len(parts) == 1 else _choice(parts)

    def _sequence(self, depth: int) -> _Node:
        parts: list[_Node] = []
        while (character := self._peek()) and character not in "|)":
            part = self._repeated(self._single(depth))
            if part is not None:
                parts.append(part)
        return _sequence(parts)

    def _single(self, depth: int) -> _Node | None:
        character = self._peek()
        self._at += 1
        if character == "(":
            return self._group(depth)
        if character == ".":
            return _ANY
        if character == "\\":
            return self._escape()
        if character in _SPECIAL:
            raise _TooComplexError
        return _Text(character, self._folded)

    def _group(self, depth: int) -> _Node | None:
        if self._text.startswith("?i)", self._at):
            self._at += 3
            self._folded = True
            return None
        if self._text.startswith("?i:", self._at):
            self._at += 3
            before, self._folded = self._folded, True
            node = self._closed(depth)
            self._folded = before
            return node
        if self._text.startswith("?:", self._at):
            self._at += 2
        elif self._peek() == "?":
            raise _TooComplexError
        return self._closed(depth)

    def _closed(self, depth: int) -> _Node:
        node = self._choice(depth + 1)
        if self._peek() != ")":
            raise _TooComplexError
        self._at += 1
        return node

    def _escape(self) -> _Node:
        character = self._peek()
        self._at += 1
        if character in _PLAIN_ESCAPES:
            return _Text(_PLAIN_ESCAPES[character], self._folded)
        if not character or character.isalnum():
            raise _TooComplexError
        return _Text(character, self._folded)

    def _repeated(self, node: _Node | None) -> _Node | None:
        operator = self._peek()
        if not operator or operator not in "*+?{":
            return node
        if operator in "?{" or node != _ANY:
            raise _TooComplexError
        self._at += 1
        if self._peek() == "?":  # greedy or not is the same to a filter
            self._at += 1
        if self._peek() and self._peek() in "*+?{":
            raise _TooComplexError
        return _STAR if operator == "*" else _SOME


def _sequence(parts: Sequence[_Node]) -> _Node:
    merged: list[_Node] = []
    for part in parts:
        for each in part.parts if isinstance(part, _Sequence) else (part,):
            last = merged[-1] if merged else None
            if isinstance(each, _Text) and isinstance(last, _Text) and each.folded == last.folded:
                merged[-1] = _Text(last.value + each.value, each.folded)
            elif each != _EMPTY:
                merged.append(each)
    if not merged:
        return _EMPTY
    return merged[0] if len(merged) == 1 else _Sequence(tuple(merged))


def _choice(parts: Sequence[_Node]) -> _Node:
    """Make a choice as Go does: common beginnings first, then single characters as a class."""
    legs = list(_classes(list(_common(parts))))
    return legs[0] if len(legs) == 1 else _Choice(tuple(legs))


def _common(parts: Sequence[_Node]) -> Iterator[_Node]:
    place = 0
    while place < len(parts):
        prefix, end = _leading(parts[place]), place + 1
        while prefix is not None and end < len(parts):
            shared = _shared(prefix, _leading(parts[end]))
            if shared is None:
                break
            prefix, end = shared, end + 1
        if prefix is None or end == place + 1:
            yield parts[place]
        else:
            rests = [_without(part, len(prefix.value)) for part in parts[place:end]]
            yield _sequence([prefix, _choice(rests)])
        place = end


def _leading(node: _Node) -> _Text | None:
    first = node.parts[0] if isinstance(node, _Sequence) else node
    return first if isinstance(first, _Text) else None


def _shared(left: _Text, right: _Text | None) -> _Text | None:
    if right is None or left.folded != right.folded:
        return None
    same = 0
    while same < min(len(left.value), len(right.value)) and left.value[same] == right.value[same]:
        same += 1
    return _Text(left.value[:same], left.folded) if same else None


def _without(node: _Node, count: int) -> _Node:
    parts = node.parts if isinstance(node, _Sequence) else (node,)
    first = parts[0]
    assert isinstance(first, _Text)  # noqa: S101 - what has a leading text begins with it; tells mypy
    rest: list[_Node] = [_Text(first.value[count:], first.folded)] if len(first.value) > count else []
    return _sequence([*rest, *parts[1:]])


def _classes(parts: list[_Node]) -> Iterator[_Node]:
    for single, run in groupby(parts, key=lambda part: isinstance(part, _Text) and len(part.value) == 1):
        legs = list(run)
        if single and len(legs) > 1:
            yield _CLASS
        else:
            yield from legs


class _EverythingTest:
    """What Loki calls the true filter; an "or" with it forgets it."""

    def __call__(self, _text: str) -> bool:
        return True


EVERYTHING = _EverythingTest()


def simplified(expression: str, *, is_label: bool) -> Test | None:
    """Return the test that Loki makes of *expression*, or None where it uses the expression itself."""
    try:
        return _test(_Reader(expression).read(), is_label=is_label)
    except _TooComplexError:
        return None


def _test(node: _Node, *, is_label: bool) -> Test:
    if isinstance(node, _Choice):
        return _either([_test(part, is_label=is_label) for part in node.parts])
    if isinstance(node, _Sequence):
        return _sequence_test(node, None)
    if isinstance(node, _Text):
        return _equals(node) if is_label else _contains(node)
    if node in {_STAR, _EMPTY}:
        return EVERYTHING
    if node == _SOME:
        return bool
    raise _TooComplexError


def _either(tests: Sequence[Test]) -> Test:
    kept = [test for test in tests if test is not EVERYTHING]
    if not kept:
        return EVERYTHING
    return kept[0] if len(kept) == 1 else lambda text: any(test(text) for test in kept)


def _contains(text: _Text) -> Test:
    if not text.value:
        return EVERYTHING
    if text.folded:
        wanted = text.value.lower()
        return lambda line: wanted in line.lower()
    value = text.value
    return lambda line: value in line


def _equals(text: _Text) -> Test:
    wanted = text.value.lower() if text.folded else text.value
    return (lambda value: value.lower() == wanted) if text.folded else wanted.__eq__


def _sequence_test(node: _Sequence, before: _Text | None) -> Test:
    if len(node.parts) > _MOST_PARTS:
        raise _TooComplexError
    base, found, literals = before, list[Test](), 0
    for part in node.parts:
        if isinstance(part, _Text):
            if literals:
                raise _TooComplexError
            literals += 1
            base = _Text((base.value if base else "") + part.value, part.folded)
        elif isinstance(part, _Choice) and base is not None:
            found.extend(_choice_tests(part, base))
        elif part != _STAR:
            raise _TooComplexError
    if found:
        return _either(found)
    if base is None:
        raise _TooComplexError
    return _contains(base)


def _choice_tests(choice: _Choice, base: _Text) -> Iterator[Test]:
    for part in choice.parts:
        if isinstance(part, _Text):
            if part.folded and not base.folded:
                raise _TooComplexError
            yield _contains(_Text(base.value + part.value, base.folded))
        elif part in {_EMPTY, _STAR}:
            yield _contains(base)
        elif isinstance(part, _Sequence):
            yield _sequence_test(part, base)
        else:
            raise _TooComplexError
