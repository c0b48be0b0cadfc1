"""What nobody caught: one JSON line in the place of a traceback on stderr.

An asyncio task's unhandled exception needs nothing here: the loop logs it, and that is
one line of the pipe already.
"""

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from obskit._guard import guarded
from obskit.logging._pipe import LogPipe

__all__ = ["wire"]

_LAST_LINE_S = 1.0


class _Hook:
    """A hook of the interpreter that writes to the pipe; where the pipe shows nothing, the one before it prints."""

    def __init__(self, pipe: LogPipe, before: Callable[..., object]) -> None:
        self._pipe = pipe
        self.original: Callable[..., object] = before.original if isinstance(before, _Hook) else before

    def write(self, level: str, event: str, error: BaseException, **fields: Any) -> bool:
        """Write one line and tell whether somebody will see it."""
        if not self._pipe.shows:
            return False
        with guarded("crash logging"):
            self._pipe.emit(level, event, {**fields, "exc_info": error}, "obskit.crash")
            self._pipe.flush(_LAST_LINE_S)
            return True
        return False


class _Uncaught(_Hook):
    """``sys.excepthook``: the process is about to end."""

    def __call__(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        # Ctrl-C is a wish and no failure.
        if isinstance(error, KeyboardInterrupt) or not self.write("critical", "process.crashed", error):
            self.original(kind, error, traceback)


class _Thread(_Hook):
    """``threading.excepthook``: a thread has ended."""

    def __call__(self, args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else "unknown"
        seen = args.exc_value is not None and self.write(
            "error", "thread.crashed", args.exc_value, thread=name
        )
        if not seen:
            self.original(args)


class _Unraisable(_Hook):
    """``sys.unraisablehook``: a destructor or a callback failed, and nobody could be told."""

    def __call__(self, args: "sys.UnraisableHookArgs") -> None:
        seen = args.exc_value is not None and self.write(
            "error", "exception.ignored", args.exc_value, origin=repr(args.object)[:200]
        )
        if not seen:
            self.original(args)


def wire(pipe: LogPipe) -> None:
    """Send what nobody catches to *pipe*, as long as it is open."""
    sys.excepthook = _Uncaught(pipe, sys.excepthook)
    threading.excepthook = _Thread(pipe, threading.excepthook)
    sys.unraisablehook = _Unraisable(pipe, sys.unraisablehook)
