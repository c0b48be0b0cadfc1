"""Runs queries beside the event loop: a few at a time, each with an end."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from obskit.embedded.logs import _answers
from obskit.embedded.logs._errors import QueryError
from obskit.embedded.logs._params import MAX_LIMIT, Bounds, RangeParams
from obskit.embedded.logs._reader import Reader, reading
from obskit.embedded.logs.logql import (
    Deadline,
    Literal,
    LogQuery,
    Logs,
    Matcher,
    MetricQuery,
    VectorLiteral,
    check_matchers,
    instant,
    parse,
    parse_matchers,
    select,
    steps,
)

__all__ = ["Queries"]

T = TypeVar("T")
_AT_ONCE = 4
_WAITING = 100
_TOO_MANY = 429


class Queries:
    """Answers what the API is asked about the store at *path*; each answer takes *timeout_s* at most."""

    def __init__(self, path: Path, timeout_s: float = 30.0) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="log-query")
        self._waiting = 0

    async def run(self, ask: Callable[[Reader, Deadline], T]) -> T:
        """Return what *ask* answers.

        Raises:
            QueryError: it cannot be answered, in time or at all.
        """
        if self._waiting >= _WAITING:
            msg = "too many outstanding requests"
            raise QueryError(msg, status=_TOO_MANY)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, ask)
        finally:
            self._waiting -= 1

    def _answer(self, ask: Callable[[Reader, Deadline], T]) -> T:
        deadline = Deadline(self._timeout_s)
        with reading(self._path, deadline) as reader:
            return ask(reader, deadline)

    def close(self) -> None:
        """Let running queries end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def range(self, asked: RangeParams) -> bytes:
        """Return the answer of ``query_range``."""
        return await self.run(lambda reader, deadline: _range(asked, reader, deadline))

    async def instant(self, query: str, at: int) -> bytes:
        """Return the answer of ``query``."""
        return await self.run(lambda reader, deadline: _instant(query, at, reader, deadline))

    async def label_names(self, bounds: Bounds, query: str) -> bytes:
        """Return the answer of ``labels``."""

        def ask(reader: Reader, _deadline: Deadline) -> bytes:
            return _answers.names({name for labels in _labels(reader, bounds, query) for name in labels})

        return await self.run(ask)

    async def label_values(self, name: str, bounds: Bounds, query: str) -> bytes:
        """Return the answer of ``label/<name>/values``."""

        def ask(reader: Reader, _deadline: Deadline) -> bytes:
            found = {labels[name] for labels in _labels(reader, bounds, query) if labels.get(name)}
            return _answers.names(found)

        return await self.run(ask)

    async def series(self, selectors: list[str], bounds: Bounds) -> bytes:
        """Return the answer of ``series``."""

        def ask(reader: Reader, _deadline: Deadline) -> bytes:
            found: dict[str, dict[str, str]] = {}
            for selector in selectors or [""]:
                for labels in _labels(reader, bounds, selector):
                    found[repr(sorted(labels.items()))] = labels
            return _answers.success([found[key] for key in sorted(found)])

        return await self.run(ask)


def _range(asked: RangeParams, reader: Reader, deadline: Deadline) -> bytes:
    query = parse(asked.query)
    if isinstance(query, Logs):
        if asked.limit > MAX_LIMIT:
            msg = (
                "max entries limit per query exceeded, limit > max_entries_limit_per_query "
                f"({asked.limit} > {MAX_LIMIT})"
            )
            raise QueryError(msg)
        found = LogQuery(
            query, asked.bounds.start, asked.bounds.end, asked.limit, asked.newest_first, asked.interval
        )
        return _answers.streams(select(found, reader, deadline))
    bounds = asked.aligned()
    return _answers.matrix(steps(MetricQuery(query, bounds.start, bounds.end, asked.step), reader, deadline))


def _instant(text: str, at: int, reader: Reader, deadline: Deadline) -> bytes:
    query = parse(text)
    if isinstance(query, Logs):
        check_matchers(query.matchers)
        msg = (
            "log queries are not supported as an instant query type, "
            "please change your query to a range query type"
        )
        raise QueryError(msg)
    if isinstance(query, Literal):
        return _answers.scalar(query.value, at)
    if isinstance(query, VectorLiteral):
        return _answers.vector([((), query.value)], at)
    return _answers.vector(instant(query, at, reader, deadline), at)


def _labels(reader: Reader, bounds: Bounds, selector: str) -> list[dict[str, str]]:
    """Return the labels of the streams that *selector* matches and that have lines in *bounds*."""
    matchers: tuple[Matcher, ...] = ()
    if selector.replace(" ", "") not in {"", "{}"}:
        matchers = parse_matchers(selector)
        check_matchers(matchers)
    return [
        dict(stream.labels)
        for stream in reader.streams(matchers)
        if reader.has_lines(stream, bounds.start, bounds.end)
    ]
