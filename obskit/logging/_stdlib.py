"""The standard library's side: ``logging`` and ``warnings`` end in the pipe."""

import logging
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, TextIO

from obskit._guard import guarded
from obskit.logging._exceptions import error_of, was_logged
from obskit.logging._pipe import LogPipe
from obskit.logging._plain import text_of

__all__ = ["PipeHandler", "is_terminal_handler", "level_of", "wire"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_FAILED_REQUEST = "Exception in ASGI application"
_LAST_LINE = "Finished server process"
_LAST_LINE_S = 1.0
# rich's handler for the terminal, and loguru's recipe for the way that we go in the other direction.
_DOUBLES = ("RichHandler", "InterceptHandler")
_REPEAT_S = 60.0
_REMEMBERED = 500


def level_of(number: int) -> str:
    """Return our name for a level number of the standard library or of loguru."""
    if number >= logging.ERROR:
        return "critical" if number >= logging.CRITICAL else "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


class _Repeats:
    """Lets a text of a chatty library through once a minute, and counts what it held back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], list[float]] = {}

    def held_back(self, record: logging.LogRecord) -> int | None:
        """Return how often the text of *record* was held back, or None when it is to be held back now."""
        key, now = (record.name, str(record.msg)), self._clock()
        last = self._seen.get(key)
        if last is not None and now < last[0] + _REPEAT_S:
            last[1] += 1
            return None
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[key] = [now, 0]
        return int(last[1]) if last is not None else 0


class PipeHandler(logging.Handler):
    """Hands each record to the pipe: ``%`` arguments, ``extra``, ``exc_info`` and ``stack_info``.

    Two kinds of lines go no further:

    1. uvicorn's report of a failed request, when the exception was logged before: our
       access line carries it, with the route and the ids.
    2. repeats from ``opentelemetry.*``: a collector that is down would fill the log.
    """

    def __init__(self, pipe: LogPipe) -> None:
        super().__init__()
        self._pipe = pipe
        self._repeats = _Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record* to the pipe; never raises."""
        with guarded("stdlib logging"):
            self._write(record)

    def _write(self, record: logging.LogRecord) -> None:
        text = str(record.msg)
        if text.startswith(_FAILED_REQUEST) and was_logged(error_of(record.exc_info)):
            return
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.name.startswith("opentelemetry."):
            held_back = self._repeats.held_back(record)
            if held_back is None:
                return
            if held_back:
                fields["held_back"] = held_back
        self._pipe.emit(level_of(record.levelno), _message(record, fields), fields, record.name)
        if text.startswith(_LAST_LINE):
            # uvicorn ends itself with the signal that it got, and no exit handler runs.
            self._pipe.flush(_LAST_LINE_S)


def _message(record: logging.LogRecord, fields: dict[str, Any]) -> str:
    """Return the text of *record*, and put what belongs to it into *fields*."""
    if record.exc_info:
        fields["exc_info"] = record.exc_info
    if record.stack_info:
        fields["stack_info"] = record.stack_info
    try:
        return record.getMessage().rstrip("\n")
    except (TypeError, ValueError, LookupError, AttributeError, RuntimeError):
        # Wrong arguments, or one without a text, must not cost the line.
        fields["args"] = text_of(record.args)
        return text_of(record.msg)


def is_terminal_handler(handler: logging.Handler) -> bool:
    """Tell whether *handler* prints to stdout or stderr, where the pipe writes."""
    printing = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return isinstance(handler, logging.StreamHandler) and any(handler.stream is stream for stream in printing)


def wire(pipe: LogPipe) -> None:
    """Send what ``logging`` and ``warnings`` say to *pipe*, and to nobody else on the terminal.

    Handlers that write elsewhere, such as to a file, stay.
    """
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, PipeHandler) or _doubles(handler):
            root.removeHandler(handler)
    root.addHandler(PipeHandler(pipe))
    root.setLevel(pipe.settings.log_level.upper())
    warnings.showwarning = _Warnings(pipe, warnings.showwarning)


def _doubles(handler: logging.Handler) -> bool:
    return is_terminal_handler(handler) or type(handler).__name__ in _DOUBLES


class _Warnings:
    """``warnings.showwarning`` that writes to the pipe."""

    def __init__(self, pipe: LogPipe, before: Callable[..., None]) -> None:
        self._pipe = pipe
        self.original: Callable[..., None] = before.original if isinstance(before, _Warnings) else before

    def __call__(  # noqa: PLR0913, PLR0917 - the signature of warnings.showwarning
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is not None:
            self.original(message, category, filename, lineno, file, line)
            return
        fields = {"category": category.__name__, "file": filename, "line": lineno}
        with guarded("warnings"):
            self._pipe.emit("warning", str(message), fields, "py.warnings")
