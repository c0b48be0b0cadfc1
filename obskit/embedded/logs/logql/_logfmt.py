"""Reads ``key=value`` lines as Loki does; what is no pair is skipped, or ends the line when reading strictly."""

import json
import re
from collections.abc import Iterator

__all__ = ["LogfmtError", "pairs_of"]

_BLANK = re.compile(r"[\x00-\x20]*")
_KEY = re.compile(r'[^="\x00-\x20]*')
_REST = re.compile(r"[^\x00-\x20]*")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_QUOTE_ESCAPE = re.compile(r"\\'")


class LogfmtError(ValueError):
    """The line is no logfmt; the text is Loki's."""

    def __init__(self, message: str, line: str, at: int) -> None:
        position = len(line[:at].encode()) + 1
        super().__init__(f"logfmt syntax error at pos {position} : {message}")


def pairs_of(line: str, *, strict: bool) -> Iterator[tuple[str, str]]:
    """Return the pairs of *line*, in order; a key alone has an empty value.

    Raises:
        LogfmtError: the line is broken and *strict* is asked for.
    """
    at = 0
    while at < len(line):
        at = _end(_BLANK, line, at)
        if at >= len(line):
            return
        key, value, at, problem = _pair(line, at)
        if not problem:
            yield key, value
        elif strict:
            raise LogfmtError(problem, line, at)
        if problem and not problem.startswith("invalid quoted"):
            at = _end(_REST, line, at)


def _end(expression: re.Pattern[str], line: str, at: int) -> int:
    match = expression.match(line, at)
    return match.end() if match else at


def _pair(line: str, at: int) -> tuple[str, str, int, str]:
    """Return key, value, end, and what is wrong."""
    end = _end(_KEY, line, at)
    key = line[at:end]
    stop = line[end : end + 1]
    if stop == '"' or (stop == "=" and not key):
        return "", "", end, f"unexpected {_shown(stop)}"
    if "\ufffd" in key:
        return "", "", end, "invalid key"
    if stop != "=":
        return key, "", end, ""
    end += 1
    if line[end : end + 1] == '"':
        value, end, problem = _quoted(line, end)
        return key, value, end, problem
    start, end = end, _end(_KEY, line, end)
    if line[end : end + 1] in {"=", '"'}:
        return "", "", end, f"unexpected {_shown(line[end])}"
    return key, line[start:end], end, ""


def _quoted(line: str, at: int) -> tuple[str, int, str]:
    match = _QUOTED.match(line, at)
    if match is None:
        return "", len(line), "unterminated quoted value"
    raw = match[0]
    if "\\" not in raw:
        return raw[1:-1], match.end(), ""
    try:
        text: str = json.loads(_QUOTE_ESCAPE.sub("'", raw))
    except ValueError:
        return "", match.end(), "invalid quoted value"
    return text.encode("utf-8", "replace").decode(), match.end(), ""


def _shown(character: str) -> str:
    return "'\"'" if character == '"' else f"'{character}'"
