"""The pipe: takes events from every source, renders them in the caller, hands them to the writer."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from obskit._guard import guarded
from obskit._ids import current_ids
from obskit.config import LEVELS, Settings
from obskit.context import bound
from obskit.errors import ConfigError
from obskit.logging._access import AccessLines
from obskit.logging._console import Console
from obskit.logging._exceptions import describe, error_of, stack_of
from obskit.logging._gate import Gate
from obskit.logging._plain import text_of
from obskit.logging._render import Renderer
from obskit.logging._sinks import FileSink, StdoutSink
from obskit.logging._writer import Writer

__all__ = ["RESERVED", "LogPipe"]

RESERVED = frozenset(
    {
        "environment",
        "event",
        "exception",
        "level",
        "logger",
        "request_id",
        "service",
        "span_id",
        "timestamp",
        "trace_id",
        "version",
    }
)
"""Names that a line's readers trust; a field that somebody calls so becomes ``field_<name>``."""

_TAKEN = RESERVED | {"exc_info", "stack_info"}
_NUMBERS = {level: number for number, level in enumerate(LEVELS)}
_INFO = _NUMBERS["info"]
_WARNING = _NUMBERS["warning"]
_URGENT = _NUMBERS["error"]


class LogPipe:
    """The log lines of one process, on their way to a file and to stdout.

    Lines are rendered and redacted in the thread that logs, and written by one daemon
    thread, so that no request waits for a disk. Before :meth:`start` they wait in a
    bounded queue. After :meth:`close` they are written at once, for what is logged last
    says why the process ended.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tap: Callable[[dict[str, Any]], None] | None = None
        """Called with the fields of each line, redacted but not yet JSON; for tests."""
        self._least = _NUMBERS[settings.log_level]
        self.renderer = Renderer(settings)
        stream = None if settings.log_format == "none" else sys.stdout
        terminal = stream is not None and stream.isatty()
        shows = settings.log_format == "console" or (settings.log_format == "auto" and terminal)
        self._console = Console(colors=terminal and not os.environ.get("NO_COLOR")) if shows else None
        self._writer = Writer(
            None if settings.log_dir is None else FileSink(settings),
            None if stream is None else StdoutSink(stream),
        )
        limited = settings.log_rate > 0 or settings.log_sample < 1
        self._gate = Gate(settings.log_rate, settings.log_sample, self._writer.left_out) if limited else None
        self._access = AccessLines(self.renderer)
        self._takes_parts = not limited and not shows

    @property
    def written(self) -> Mapping[str, int]:
        """Lines written so far, by level."""
        return self._writer.written

    @property
    def dropped(self) -> Mapping[str, int]:
        """Lines lost so far, by reason: ``queue_full``, ``sink_failed``, ``shutdown``."""
        return self._writer.dropped

    @property
    def left_out(self) -> Mapping[str, int]:
        """Lines left out on purpose, by reason: ``rate``, ``sample``."""
        return self._writer.left_out

    @property
    def shows(self) -> bool:
        """Whether lines are written somewhere, now."""
        return self._writer.open

    def start(self) -> None:
        """Begin to write; a second call changes nothing.

        Raises:
            ConfigError: the log directory cannot be used.
        """
        if self.settings.log_dir is not None:
            try:
                self.settings.log_dir.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError, PermissionError) as error:
                msg = (
                    f"OBSKIT_LOG_DIR={str(self.settings.log_dir)!r} cannot be used ({error.strerror}); "
                    "name a directory that this process may write to."
                )
                raise ConfigError(msg) from error
        self._writer.start()

    def emit(self, level: str, event: str, fields: Mapping[str, Any], logger: str = "obskit") -> None:
        """Write one line; never raises, and waits for no disk and no reader before :meth:`close`.

        *level* is one of debug, info, warning, error and critical. Bound fields of the
        request come before *fields*, and *fields* win. A field with a reserved name is
        renamed to ``field_<name>``. ``exc_info`` and ``stack_info`` in *fields* mean what
        they mean to the standard library.
        """
        number = _NUMBERS[level]
        if number < self._least:
            return
        scope, request_id = bound(), None
        if scope is not None:
            request_id = scope.request_id
            if scope.fields:
                fields = {**scope.fields, **fields}
        if not _TAKEN.isdisjoint(fields):
            fields = _untangled(fields)
        if type(event) is not str:
            event = text_of(event)
        renderer, ids = self.renderer, current_ids()
        if self._gate is not None and number < _URGENT:
            held = self._gate.holds_back(event, ids, routine=number < _WARNING)
            if held is None:
                return
            if held:
                fields = {**fields, "held_back": held}
        stamp = renderer.timestamp()
        trace = _trace_json(ids, request_id)
        line, event, fields = renderer.line(stamp, level, event, logger, trace, fields)
        shown = line
        if self.tap is not None or self._console is not None:
            record = {"timestamp": stamp, "level": level, "event": event, **renderer.shared, "logger": logger}
            record |= _trace(ids, request_id)
            record |= fields
            shown = self._look_at(record, line)
        self._writer.put(level, line, shown, urgent=number >= _URGENT)

    def access(  # noqa: PLR0913, PLR0917 - the fields of a line, in their order
        self, method: str, route: str, path: str, status: int, duration_ms: float, outcome: str
    ) -> None:
        """Write the line of an answered request as :meth:`emit` does, at half of its cost where nothing is special."""
        if self._least > _INFO:
            return
        scope = bound()
        if self._takes_parts and self.tap is None and scope is not None and not scope.fields:
            trace = _trace_json(current_ids(), scope.request_id)
            line = self._access.line(trace, method, route, path, status, duration_ms, outcome)
            if line is not None:
                self._writer.put("info", line, line, urgent=False)
                return
        fields = {"method": method, "route": route, "path": path, "status": status}
        self.emit("info", "http.request", {**fields, "duration_ms": duration_ms, "outcome": outcome})

    def _look_at(self, record: dict[str, Any], line: bytes) -> bytes:
        if self.tap is not None:
            with guarded("log tap"):
                self.tap(record)
        return line if self._console is None else self._console.render(line)

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was logged so far is written, at most *timeout_s* seconds; tell whether it was."""
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float) -> None:
        """Write what waits, within *timeout_s* seconds, and end the writer thread."""
        self._writer.close(timeout_s)


def _trace_json(ids: tuple[str, str] | None, request_id: str | None) -> str:
    trace = "" if ids is None else f',"trace_id":"{ids[0]}","span_id":"{ids[1]}"'
    if not request_id:
        return trace
    if request_id.isascii() and request_id.isalnum():  # as most are: nothing in it to escape
        return f'{trace},"request_id":"{request_id}"'
    return f'{trace},"request_id":{orjson.dumps(text_of(request_id)).decode()}'


def _trace(ids: tuple[str, str] | None, request_id: str | None) -> dict[str, str]:
    trace = {} if ids is None else {"trace_id": ids[0], "span_id": ids[1]}
    return {**trace, "request_id": request_id} if request_id else trace


def _untangled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* with reserved names renamed, and ``exc_info`` and ``stack_info`` as what they stand for."""
    given = dict(fields)
    error, stack = error_of(given.pop("exc_info", None)), given.pop("stack_info", None)
    result = {_free_name(name, given) if name in RESERVED else name: value for name, value in given.items()}
    if stack:
        result["stack"] = stack_of(stack)
    if error is not None:
        with guarded("exception rendering"):
            result["exception"] = describe(error)
    return result


def _free_name(name: str, given: Mapping[str, Any]) -> str:
    name = f"field_{name}"
    while name in given:
        name = f"field_{name}"
    return name
