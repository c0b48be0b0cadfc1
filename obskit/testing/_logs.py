"""Captured log lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from obskit.testing._matching import exactly_one, matching, shown

__all__ = ["CapturedLogs", "LogLine"]

_SHOWN_ELSEWHERE = frozenset(
    {"timestamp", "level", "event", "service", "environment", "version", "logger", "trace_id", "span_id"}
)


class LogLine(dict[str, Any]):
    """One log line as it is written: a dict whose fields can be read as attributes too."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """Return the field *name*.

        Raises:
            AttributeError: the line has no such field; the text names those it has.
        """
        if name in self:
            return self[name]
        msg = f"the log line {self.get('event')!r} has no field {name!r}; it has {', '.join(self)}."
        raise AttributeError(msg)


class CapturedLogs:
    """The log lines since the capture began, oldest first; secrets are redacted in them as on disk."""

    def __init__(self) -> None:
        self._lines: list[LogLine] = []

    def one(self, **fields: Any) -> LogLine:
        """Return the one line that has all *fields*, such as ``event="order.created", sku="A-1"``.

        Raises:
            AssertionError: no line has them, or several do; the text lists what was logged.
        """
        __tracebackhide__ = True
        return exactly_one(self._lines, fields, _field, what="log line", describe=_described)

    def all(self, **fields: Any) -> tuple[LogLine, ...]:
        """Return every line that has all *fields*; without *fields* every line."""
        return matching(self._lines, fields, _field)

    def add(self, record: Mapping[str, Any]) -> None:
        """Keep the *record* of one line; the pipe calls this."""
        self._lines.append(LogLine(record))

    def clear(self) -> None:
        """Forget what was captured so far."""
        self._lines.clear()

    def __iter__(self) -> Iterator[LogLine]:
        return iter(tuple(self._lines))

    def __len__(self) -> int:
        return len(self._lines)


def _field(line: LogLine, name: str) -> Any:
    return line[name]


def _described(line: LogLine) -> str:
    fields = " ".join(
        f"{name}={shown(value)}" for name, value in line.items() if name not in _SHOWN_ELSEWHERE
    )
    return f"{line.get('level', '-'):<8} {line.get('event', '-')}  {fields}".rstrip()
