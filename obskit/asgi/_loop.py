"""Names the line that blocks the event loop, while it does."""

import asyncio
import sys
import threading
import time
from types import FrameType

from obskit._code import location
from obskit._guard import guarded
from obskit.logging import LogPipe

__all__ = ["LoopWatch"]

_LOOKS = 5
"""Looks within the limit: a call that is two fifths longer than it is seen for certain."""
_WAITING = ("selectors.py", "asyncio/runners.py")
"""Where a loop is when it has nothing to do: asyncio's own, and uvloop."""


class LoopWatch:
    """Writes ``loop.blocked`` once for each call that keeps the running loop from its timers for *limit_s*."""

    def __init__(self, pipe: LogPipe, limit_s: float) -> None:
        self._pipe = pipe
        self._limit_s = limit_s
        self._every_s = limit_s / _LOOKS
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._ended = threading.Event()
        self._beat()
        threading.Thread(target=self._watch, name="obskit-loop", daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()

    def _beat(self) -> None:
        self._seen = time.monotonic()
        if not self._ended.is_set():
            self._loop.call_later(self._every_s, self._beat)

    def _watch(self) -> None:
        told = 0.0
        while not self._ended.wait(self._every_s):
            seen = self._seen
            blocked_s = time.monotonic() - seen - self._every_s
            if blocked_s >= self._limit_s and seen != told:
                told = seen
                with guarded("loop watch"):
                    self._tell(blocked_s)

    def _tell(self, blocked_s: float) -> None:
        frame = sys._current_frames().get(self._thread_id)  # noqa: SLF001 - the documented way to another thread's
        # A loop that waits and is late all the same: the process was stopped, or got no processor.
        if frame is None or frame.f_code.co_filename.endswith(_WAITING):
            return
        fields = {"blocked_ms": round(blocked_s * 1000), "code": location(frame) or _place(frame)}
        self._pipe.emit("warning", "loop.blocked", fields)


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
