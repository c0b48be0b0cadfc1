"""Reads the store for one query: SQL selects the streams, the time and plain texts."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from obskit.embedded.logs._errors import QueryError
from obskit.embedded.logs._schema import connect_reader
from obskit.embedded.logs.logql import Deadline, Matcher, Row, Stream, Wanted, _source, matcher_test

__all__ = ["Reader", "reading"]

_LOOK_OPERATIONS = 50_000
_GLOB_SPECIAL = re.compile(r"[*?\[]")
_MOST_GLOBBED = 1_000
_LEAST, _MOST = -(2**63), 2**63 - 1


@contextmanager
def reading(path: Path, deadline: Deadline) -> Iterator["Reader"]:
    """Read the store at *path* as it is now, until *deadline*.

    Raises:
        QueryError: the time is over.
    """
    connection = connect_reader(path)
    connection.set_progress_handler(deadline.passed, _LOOK_OPERATIONS)
    try:
        connection.execute("BEGIN")
        yield Reader(connection)
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            raise QueryError(_source.TIMED_OUT, status=504) from error
        raise
    finally:
        connection.close()


class Reader:
    """The streams and lines of the store; a :class:`Source`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        row = connection.execute("SELECT 1 FROM facts WHERE name = 'nul'").fetchone()
        self._has_nul = row is not None

    def streams(self, matchers: Sequence[Matcher]) -> list[Stream]:
        """Return the streams that all *matchers* match, by their labels."""
        tests = [(matcher.name, matcher_test(matcher)) for matcher in matchers]
        found = []
        for number, text in self._connection.execute("SELECT id, labels FROM streams ORDER BY labels"):
            labels: Mapping[str, str] = orjson.loads(text)
            if _matches(labels, tests):
                found.append(Stream(number, labels))
        return found

    def rows(self, stream: Stream, wanted: Wanted) -> Iterator[Row]:
        """Return rows of *stream*, by their time and, within a moment, their arrival."""
        order = "DESC" if wanted.newest_first else "ASC"
        tests, values = self._texts(stream, wanted)
        line = "line" if wanted.needs_text else "''"
        return self._connection.execute(
            f"SELECT ts, {line}, meta FROM lines WHERE stream = ? AND ts >= ? AND ts < ?{tests} "  # noqa: S608 - placeholders
            f"ORDER BY ts {order}, seq {order}",
            (stream.id, _clamped(wanted.start), _clamped(wanted.end), *values),
        )

    def _texts(self, stream: Stream, wanted: Wanted) -> tuple[str, list[str]]:
        tests: list[str] = []
        values: list[str] = []
        for group in wanted.holds:
            tests.append(f" AND ({' OR '.join(self._test('line', text) for text in group)})")
            values += [self._value(text) for text in group]
        for text in wanted.lacks:
            tests.append(f" AND NOT {self._test('line', text)}")
            values.append(self._value(text))
        for label, text in wanted.mentions:
            if label not in stream.labels and not self._has_nul:
                # A value may be written with escapes such as \u0041.
                tests.append(" AND (line GLOB ? OR line GLOB '*\\u*' OR meta GLOB ?)")
                values += [_glob(text)] * 2
        return "".join(tests), values

    def _is_globbed(self, text: str) -> bool:
        # GLOB is twice as fast as instr(), but does not look behind a NUL.
        return not self._has_nul and len(text) <= _MOST_GLOBBED and "\0" not in text

    def _test(self, column: str, text: str) -> str:
        return f"{column} GLOB ?" if self._is_globbed(text) else f"instr({column}, ?) > 0"

    def _value(self, text: str) -> str:
        return _glob(text) if self._is_globbed(text) else text

    def has_lines(self, stream: Stream, start: int, end: int) -> bool:
        """Return whether *stream* has a line from *start* up to and including *end*."""
        row = self._connection.execute(
            "SELECT 1 FROM lines WHERE stream = ? AND ts >= ? AND ts <= ? LIMIT 1",
            (stream.id, _clamped(start), _clamped(end)),
        ).fetchone()
        return row is not None


def _glob(text: str) -> str:
    return "*" + _GLOB_SPECIAL.sub(r"[\g<0>]", text) + "*"


def _matches(labels: Mapping[str, str], tests: Sequence[tuple[str, Callable[[str], bool]]]) -> bool:
    return all(test(labels.get(name, "")) for name, test in tests)


def _clamped(ts: int) -> int:
    return min(max(ts, _LEAST), _MOST)
