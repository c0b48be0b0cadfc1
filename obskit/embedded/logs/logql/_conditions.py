"""Tests of labels: the matchers of a selector, and the label filters of a pipeline."""

import operator
from collections.abc import Callable

from obskit.embedded.logs.logql import _ast, _units
from obskit.embedded.logs.logql._line import ERROR, Line
from obskit.embedded.logs.logql._regex import anchored, compiled
from obskit.embedded.logs.logql._simplify import EVERYTHING, simplified

__all__ = ["Stage", "condition", "label_test", "matcher_test", "names_in"]

Stage = Callable[[Line], bool]
"""Changes a line; False drops it."""

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_READ: dict[str, Callable[[str], float]] = {
    "number": _units.go_float,
    "duration": _units.go_duration,
    "bytes": _units.size_in_bytes,
}


def matcher_test(matcher: _ast.Matcher) -> Callable[[str], bool]:
    """Return the test of a stream's label, whose value is empty where it is missing.

    Raises:
        ParseError: its regular expression is none.
    """
    if matcher.op in {"=", "!="}:
        wanted = matcher.value
        return wanted.__eq__ if matcher.op == "=" else wanted.__ne__
    return _maybe_not(anchored(matcher.value, dot_is_any=True), negate=matcher.op == "!~")


def label_test(matcher: _ast.Matcher) -> Callable[[str], bool] | None:
    """Return the test of a label filter, or None where Loki has it pass everything.

    Raises:
        ParseError: its regular expression is none.
    """
    if matcher.op in {"=", "!="}:
        return matcher_test(matcher)
    compiled(matcher.value, captures=False)
    test = simplified(matcher.value, is_label=True)
    if test is EVERYTHING and matcher.op == "=~":
        return None
    return _maybe_not(test or anchored(matcher.value), negate=matcher.op == "!~")


def _maybe_not(test: Callable[[str], bool], *, negate: bool) -> Callable[[str], bool]:
    return (lambda text: not test(text)) if negate else test


def names_in(part: _ast.Filter) -> list[str]:
    """Return the labels that a filter looks at."""
    if isinstance(part, _ast.Combined):
        return [*names_in(part.left), *names_in(part.right)]
    if isinstance(part, _ast.Matcher) and label_test(part) is None:
        return []
    return [part.name]


def condition(part: _ast.Filter) -> Stage | None:
    """Return the stage of a label filter, or None where it passes everything.

    Raises:
        ParseError: a regular expression in it is none.
    """
    if isinstance(part, _ast.Compared):
        return _comparison(part)
    if isinstance(part, _ast.Matcher):
        test = label_test(part)
        return None if test is None else _text_stage(part.name, test)
    left, right = condition(part.left) or _pass, condition(part.right) or _pass
    if part.op == "or":
        return lambda line: left(line) or right(line)

    def both(line: Line) -> bool:
        passed = left(line)  # both sides run: the right one may set __error__
        return right(line) and passed

    return both


def _pass(_line: Line) -> bool:
    return True


def _text_stage(name: str, test: Callable[[str], bool]) -> Stage:
    if name == ERROR:
        return lambda line: test(line.error)
    return lambda line: test(line.get(name) or "")


def _comparison(part: _ast.Compared) -> Stage:
    name, wanted = part.name, part.value
    read, compare = _READ[part.kind], _OPERATORS[part.op]

    def stage(line: Line) -> bool:
        value = line.get(name)
        if value is None:
            return False
        try:
            number = read(value)
        except ValueError as error:
            if not line.error:
                line.fail("LabelFilterErr", str(error))
            return True
        return compare(number, wanted)

    return stage
