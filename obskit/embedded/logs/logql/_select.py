"""Answers log queries: the newest or oldest lines of many streams, merged by time."""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from obskit.embedded.logs._errors import ParseError, QueryError
from obskit.embedded.logs.logql import _ast
from obskit.embedded.logs.logql._conditions import Stage, matcher_test
from obskit.embedded.logs.logql._line import Labels, Line
from obskit.embedded.logs.logql._pushdown import pushed_down
from obskit.embedded.logs.logql._source import Deadline, Row, Source, Stream, Wanted
from obskit.embedded.logs.logql._stages import pipeline

__all__ = ["Found", "LogQuery", "check_matchers", "metadata_of", "select"]

MAX_ANSWER_BYTES = 64 << 20
_LOOK = 1024
_STREAMS_TOGETHER = 500
"""Streams that are read side by side; more would hold too many cursors."""
_NO_METADATA: Mapping[str, str] = {}

Found = tuple[int, Labels, str]
"""A line of the answer: time, labels, text."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What is asked of the streams: *limit* lines between *start* and *end*, in nanoseconds.

    With an *interval*, lines of a stream that follow another by less than it are left out.
    """

    logs: _ast.Logs
    start: int
    end: int
    limit: int
    newest_first: bool = True
    interval: int = 0


def check_matchers(matchers: Sequence[_ast.Matcher]) -> None:
    """Refuse a selector that would select everything.

    Raises:
        ParseError: Loki's answer to it, or to a regular expression that is none.
    """
    tests = [(matcher, matcher_test(matcher)) for matcher in matchers]
    if not any(matcher.op in {"=", "=~"} and not test("") for matcher, test in tests):
        message = (
            "queries require at least one regexp or equality matcher that does not have an "
            'empty-compatible value. For instance, app=~".*" does not meet this requirement, but '
            'app=~".+" will'
        )
        raise ParseError(message)


def metadata_of(stored: str | None) -> Mapping[str, str]:
    """Return structured metadata as labels."""
    return orjson.loads(stored) if stored else _NO_METADATA


def select(query: LogQuery, source: Source, deadline: Deadline) -> list[Found]:
    """Return the lines that *query* asks for, newest or oldest first.

    Raises:
        QueryError: the query cannot be answered.
    """
    check_matchers(query.logs.matchers)
    pushed = pushed_down(query.logs.stages)
    stages = pipeline(pushed.stages)
    wanted = Wanted(query.start, query.end, query.newest_first, pushed.holds, pushed.lacks, pushed.mentions)
    streams = source.streams(query.logs.matchers)
    found: list[Found] = []
    for begin in range(0, len(streams), _STREAMS_TOGETHER):
        each = [
            _passing(source.rows(stream, wanted), stream, pushed.tests, stages, deadline)
            for stream in streams[begin : begin + _STREAMS_TOGETHER]
        ]
        merged = heapq.merge(iter(found), *each, key=_time_of, reverse=query.newest_first)
        found = _limited(merged, query)
        wanted = _narrowed(wanted, found, query)
    return found


def _narrowed(wanted: Wanted, found: Sequence[Found], query: LogQuery) -> Wanted:
    """Leave out what comes after the last line of an answer that is full."""
    if len(found) < query.limit or query.interval:
        return wanted
    last = found[-1][0]
    return replace(wanted, start=last) if query.newest_first else replace(wanted, end=last + 1)


def _time_of(found: Found) -> int:
    return found[0]


def _passing(
    rows: Iterator[Row],
    stream: Stream,
    tests: Sequence[Callable[[str], bool]],
    stages: Sequence[Stage],
    deadline: Deadline,
) -> Iterator[Found]:
    line = Line(stream.labels)
    base = tuple(sorted(stream.labels.items()))
    for place, (ts, text, metadata) in enumerate(rows):
        if place % _LOOK == 0:
            deadline.check()
        if tests and not all(test(text) for test in tests):
            continue
        if not stages and not metadata:
            yield ts, base, text
            continue
        line.begin(ts, text, metadata_of(metadata))
        if all(stage(line) for stage in stages):
            yield ts, tuple(sorted(line.all().items())), line.text


def _limited(merged: Iterator[Found], query: LogQuery) -> list[Found]:
    answer: list[Found] = []
    size = 0
    last: dict[Labels, int] = {}
    is_near = _spacing(query)
    for found in merged:
        ts, labels, text = found
        if query.interval and labels in last and is_near(last[labels], ts):
            continue
        last[labels] = ts
        answer.append(found)
        size += len(text)
        if size > MAX_ANSWER_BYTES:
            msg = f"the answer is larger than {MAX_ANSWER_BYTES >> 20} MB; ask for fewer lines with limit"
            raise QueryError(msg)
        if len(answer) >= query.limit:
            break
    return answer


def _spacing(query: LogQuery) -> Callable[[int, int], bool]:
    if query.newest_first:
        return lambda before, ts: before - ts < query.interval
    return lambda before, ts: ts - before < query.interval
