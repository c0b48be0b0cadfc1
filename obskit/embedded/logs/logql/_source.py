"""Where the engine gets its lines from, and how long it may take."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from obskit.embedded.logs._errors import QueryError
from obskit.embedded.logs.logql import _ast

__all__ = ["Deadline", "Row", "Source", "Stream", "Wanted"]

TIMED_OUT = (
    "request timed out, decrease the duration of the request or add more label matchers "
    "(prefer exact match over regex match) to reduce the amount of data processed"
)
_GATEWAY_TIMEOUT = 504

Row = tuple[int, str, str | None]
"""Time in nanoseconds, line, structured metadata as a JSON object or None."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that was found."""

    id: int
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of a stream from *start* up to, not including, *end*; nanoseconds.

    A row must hold a text of each group of *holds*, and none of *lacks*. Of the rows whose
    label is set by its line or metadata only those matter that mention its value (*mentions*
    are label and value); the store may leave the others out. Without *needs_text* the lines
    themselves may be left empty.
    """

    start: int
    end: int
    newest_first: bool = False
    holds: tuple[tuple[str, ...], ...] = ()
    lacks: tuple[str, ...] = ()
    mentions: tuple[tuple[str, str], ...] = ()
    needs_text: bool = True


class Source(Protocol):
    """A store of lines."""

    def streams(self, matchers: Sequence[_ast.Matcher]) -> list[Stream]:
        """Return the streams that all *matchers* match."""

    def rows(self, stream: Stream, wanted: Wanted) -> Iterator[Row]:
        """Return rows of *stream*, by their time."""


class Deadline:
    """Ends a query that takes too long."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def passed(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() > self._end

    def check(self) -> None:
        """Raise when the time is over.

        Raises:
            QueryError: Loki's answer to a query that timed out.
        """
        if self.passed():
            raise QueryError(TIMED_OUT, status=_GATEWAY_TIMEOUT)
