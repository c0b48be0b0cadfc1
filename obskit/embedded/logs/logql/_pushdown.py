"""Finds what the store itself can look for, so that few lines reach the stages."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from obskit.embedded.logs.logql import _ast
from obskit.embedded.logs.logql._stages import line_test, ordered

__all__ = ["Pushed", "pushed_down"]

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:-]{2,}")
_PARSERS = _ast.Json | _ast.Logfmt | _ast.Regexp | _ast.Pattern


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the store looks for (see :class:`Wanted`), *tests* of the text, and the stages that are left."""

    holds: tuple[tuple[str, ...], ...] = ()
    lacks: tuple[str, ...] = ()
    mentions: tuple[tuple[str, str], ...] = ()
    tests: tuple[Callable[[str], bool], ...] = ()
    stages: list[_ast.Stage] = field(default_factory=list)


def pushed_down(stages: Sequence[_ast.Stage]) -> Pushed:
    """Divide *stages* into what the store does and what is done after it.

    Raises:
        ParseError: a regular expression of a line filter is none.
    """
    holds: list[tuple[str, ...]] = []
    lacks: list[str] = []
    tests: list[Callable[[str], bool]] = []
    rest = list(ordered(stages))
    while rest and isinstance(first := rest[0], _ast.LineFilter):
        if first.op == "|=":
            if any(first.values):
                holds.append(tuple(filter(None, first.values)))
        elif first.op == "!=" and all(first.values):
            lacks += first.values
        else:
            test = line_test(first)
            if test is not None:
                tests.append(test)
        rest.pop(0)
    return Pushed(tuple(holds), tuple(lacks), tuple(_mentions(rest)), tuple(tests), rest)


def _mentions(stages: Sequence[_ast.Stage]) -> Iterator[tuple[str, str]]:
    """Return the labels that must have a value which, to get it, a line must hold as it is."""
    for stage in stages:
        if isinstance(stage, _ast.Where):
            yield from _required(stage.filter)
        elif not isinstance(stage, _PARSERS | _ast.LineFilter):
            return


def _required(part: _ast.Filter) -> Iterator[tuple[str, str]]:
    if isinstance(part, _ast.Combined) and part.op == "and":
        yield from _required(part.left)
        yield from _required(part.right)
    elif isinstance(part, _ast.Matcher) and _is_plain(part):
        yield part.name, part.value


def _is_plain(part: _ast.Matcher) -> bool:
    return part.op == "=" and not part.name.startswith("__") and bool(_PLAIN.fullmatch(part.value))
