"""String literals as Go reads them, and regular expressions that cannot run away."""

import re
from collections.abc import Callable
from functools import lru_cache

import re2

from obskit.embedded.traces.traceql._errors import QueryError

__all__ = ["matcher", "unquote"]

_ESCAPE = re.compile(
    r"\\(?:(?P<short>[abfnrtv\\\"])|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<o>[0-7]{3}))",
    re.DOTALL,
)
_SHORT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}
_MAX_PATTERN = 4_096
_MAX_MEMORY = 8 << 20
_SURROGATES = range(0xD800, 0xE000)
_LARGEST = 0x10FFFF


def unquote(literal: str) -> str:
    """Return the text of a quoted string literal.

    Raises:
        QueryError: an escape that Go does not know.
    """
    if literal.startswith("`"):
        return literal[1:-1].replace("\r", "")
    body = literal[1:-1]
    parts: list[str] = []
    at = 0
    while (slash := body.find("\\", at)) >= 0:
        escape = _ESCAPE.match(body, slash)
        if escape is None:
            msg = f"invalid syntax: {literal} has an escape that is not known"
            raise QueryError(msg)
        parts += [body[at:slash], _character(escape, literal)]
        at = escape.end()
    return "".join([*parts, body[at:]])


def _character(escape: re.Match[str], literal: str) -> str:
    if short := escape["short"]:
        return _SHORT[short]
    number = int(escape["o"], 8) if escape["o"] else int(escape["x"] or escape["u"] or escape["U"], 16)
    if number > _LARGEST or number in _SURROGATES:
        msg = f"invalid syntax: {literal} has an escape that is no character"
        raise QueryError(msg)
    return chr(number)


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test whether a whole text matches *pattern*, in time linear in the text.

    Raises:
        QueryError: RE2 cannot read the pattern, or it would take too much memory.
    """
    if len(pattern) > _MAX_PATTERN:
        msg = f"invalid regex: the pattern has {len(pattern)} characters; at most {_MAX_PATTERN} are accepted"
        raise QueryError(msg)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        # Prometheus' matchers, which Tempo uses, let a dot match a line's end too.
        compiled = re2.compile(f"(?s:{pattern})", options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        msg = f"invalid regex: {pattern}: {reason}"
        raise QueryError(msg) from error
    return lambda text: compiled.fullmatch(text) is not None
