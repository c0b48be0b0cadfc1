"""Regular expressions as Loki has them: RE2, which is linear in the text, with Go's error texts."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from obskit.embedded.logs._errors import ParseError

__all__ = ["anchored", "compiled", "expand", "searcher"]

_GO_ERRORS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "trailing \\": "trailing backslash at end of expression",
}
_MAX_MEMORY = 8 << 20
_MAX_HEIGHT = 1_000


@lru_cache(maxsize=256)
def _compile(expression: str, *, dot_is_any: bool, captures: bool) -> Any:
    options = re2.Options()
    options.never_capture = not captures
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    options.dot_nl = dot_is_any
    return re2.compile(expression, options)


def compiled(
    expression: str, *, shown: str | None = None, dot_is_any: bool = False, captures: bool = True
) -> Any:
    """Return *expression* compiled by RE2; errors show *shown* in its place.

    Without *captures* its groups are not remembered, which costs less.

    Raises:
        ParseError: it is no regular expression; the text is Go's.
    """
    _check_height(shown or expression)
    try:
        return _compile(expression, dot_is_any=dot_is_any, captures=captures)
    except re2.error as error:
        raise ParseError(_go_text(error, shown or expression)) from error


def _check_height(expression: str) -> None:
    height = highest = 0
    for character in expression if expression.count("(") > _MAX_HEIGHT else "":
        height += (character == "(") - (character == ")")
        highest = max(highest, height)
    if highest > _MAX_HEIGHT:
        message = f"error parsing regexp: expression nests too deeply: `{expression[:100]}`"
        raise ParseError(message)


def _go_text(error: Exception, expression: str) -> str:
    raw = error.args[0]
    text = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    code, separator, fragment = text.partition(": ")
    if code in {"missing )", "unexpected )"} or not separator:
        fragment = expression
    return f"error parsing regexp: {_GO_ERRORS.get(code, code)}: `{fragment}`"


def anchored(expression: str, *, dot_is_any: bool = False) -> Callable[[str], bool]:
    """Return a test that a whole text matches *expression*."""
    compiled(expression, captures=False)
    matches = compiled(f"(?:{expression})", shown=expression, dot_is_any=dot_is_any, captures=False).fullmatch
    return lambda text: matches(text.encode()) is not None


def searcher(expression: str) -> Callable[[str], bool]:
    """Return a test that a text holds a match of *expression*."""
    search = compiled(expression, captures=False).search
    # Places in bytes cost half of what places in characters cost.
    return lambda text: search(text.encode()) is not None


def expand(template: str, match: Any) -> str:
    """Put the groups of *match* into *template*, as Go does: ``$1``, ``${name}``, ``$$``."""
    parts, position = [], 0
    while (dollar := template.find("$", position)) != -1:
        parts.append(template[position:dollar])
        name, position = _reference(template, dollar + 1)
        parts.append("$" if name is None else _group(match, name))
    parts.append(template[position:])
    return "".join(parts)


def _reference(template: str, start: int) -> tuple[str | None, int]:
    if template.startswith("$", start):
        return None, start + 1
    braced = template.startswith("{", start)
    first = start + braced
    end = first
    while end < len(template) and (template[end].isalnum() or template[end] == "_"):
        end += 1
    if end == first or (braced and not template.startswith("}", end)):
        return None, start
    return template[first:end], end + braced


def _group(match: Any, name: str) -> str:
    if name.isdigit():
        return (match.group(int(name)) or "") if int(name) <= len(match.groups()) else ""
    return match.groupdict().get(name) or ""
