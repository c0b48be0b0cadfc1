"""Reads the expressions of ``| json label="a.b[0]"`` and ``| logfmt label="key"``."""

import re

from obskit.embedded.logs._errors import ParseError

__all__ = ["read_key", "read_path"]

_STEP = re.compile(r'\s*(?:(\.?)\s*([a-zA-Z_][a-zA-Z0-9_]*)|\[\s*(\d+)\s*\]|\[\s*"([^"\]]*)"\s*\])\s*')
_KEY = re.compile(r'\s*(?:"([^"]*)"|([a-zA-Z_][^\s"=]*))\s*')
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def _checked(parser: str, label: str, expression: str, *, ok: bool) -> None:
    problem = ""
    if not ok:
        problem = f"cannot parse expression [{expression}]: syntax error"
    elif not _LABEL.fullmatch(label):
        problem = f"invalid extracted label name '{label}'"
    if problem:
        message = f"stage '| {parser} {label}=\"{expression}\"' : {problem}"
        raise ParseError(message)


def read_path(label: str, expression: str) -> tuple[str | int, ...]:
    """Return the steps of a JSON *expression*: names and places in arrays.

    Raises:
        ParseError: it is none.
    """
    steps: list[str | int] = []
    at = 0
    while at < len(expression):
        match = _STEP.match(expression, at)
        dotted = bool(match and match[1])
        needs_dot = bool(match and match[2] and steps)
        if match is None or dotted != needs_dot:
            break
        steps.append(int(match[3]) if match[3] else match[2] or match[4] or "")
        at = match.end()
    _checked("json", label, expression, ok=bool(steps) and at == len(expression))
    return tuple(steps)


def read_key(label: str, expression: str) -> str:
    """Return the key that a logfmt *expression* names.

    Raises:
        ParseError: it is none.
    """
    match = _KEY.fullmatch(expression)
    _checked("logfmt", label, expression, ok=match is not None)
    return (match[1] or match[2] or "") if match else ""
