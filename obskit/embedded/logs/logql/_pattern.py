"""Takes labels out of a line with a pattern such as ``<ip> - <user> [<_>]``."""

import re
from dataclasses import dataclass

from obskit.embedded.logs._errors import ParseError

__all__ = ["LinePattern", "read_pattern"]

_CAPTURE = re.compile(r"<([a-zA-Z_][a-zA-Z0-9_]*)>")
_UNNAMED = "_"


@dataclass(frozen=True, slots=True)
class LinePattern:
    """Literal texts with captures between; *start* stands before the first capture.

    *parts* are pairs of a capture's name and the literal after it, which is empty at the end.
    """

    start: str
    parts: tuple[tuple[str, str], ...]

    def match(self, line: str) -> list[tuple[str, str]]:
        """Return the named captures that *line* has, in order.

        A literal that is missing ends the pattern: its capture takes the rest of the line.
        """
        if not line or not line.startswith(self.start):
            return []
        found, at = [], len(self.start)
        for name, literal in self.parts:
            end = line.find(literal, at) if literal else -1
            if name != _UNNAMED:
                found.append((name, line[at:] if end == -1 else line[at:end]))
            if end == -1:
                break
            at = end + len(literal)
        return found


def read_pattern(expression: str) -> LinePattern:
    """Return the pattern that *expression* is.

    Raises:
        ParseError: it is none; the text is Loki's.
    """
    pieces = _CAPTURE.split(expression)
    names, literals = pieces[1::2], pieces[2::2]
    named = [name for name in names if name != _UNNAMED]
    problem = ""
    if not named:
        problem = "at least one capture is required"
    elif "" in literals[:-1]:
        problem = "found consecutive capture: invalid expression"
    elif len(named) != len(set(named)):
        twice = next(name for name in named if named.count(name) > 1)
        problem = f"duplicate capture name ({twice}): invalid expression"
    if problem:
        message = f"invalid pattern parser: {problem}"
        raise ParseError(message)
    return LinePattern(pieces[0], tuple(zip(names, literals, strict=True)))
