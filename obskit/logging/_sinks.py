"""Where lines end up: a rotated file, and stdout. Both say how many lines they could not take."""

import contextlib
import fcntl
import os
import re
import select
import stat
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TextIO

from obskit.config import Settings

__all__ = ["FileSink", "Sink", "StdoutSink"]

_RETRY_S = 1.0
_LOOK_S = 1.0
_PATIENCE_MS = 1000
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class Sink(Protocol):
    """Takes lines, used by one thread at a time."""

    def write(self, lines: Sequence[bytes]) -> int:
        """Write *lines* in order and return how many at their end were lost; never raises."""

    def close(self) -> None:
        """Let go of what is open; a later write opens it again."""

    def forget(self) -> None:
        """Let go, in a forked child, of what belongs to the parent."""


class FileSink:
    """Appends to ``<service>.<pid>.jsonl``; at ``log_max_bytes`` that becomes ``.1``, what was ``.1`` becomes ``.2``.

    A failing disk costs the lines of the moment: the file is cut back to its last whole
    line and opened again a second later. A file that was moved or deleted is made anew.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = (settings.log_dir or Path()).absolute()
        self._service = _UNSAFE.sub("_", settings.service)
        self._max_bytes = settings.log_max_bytes
        self._backups = settings.log_backups
        self._clock = clock
        self._descriptor = -1
        self._size = 0
        self._look_at = self._retry_at = 0.0

    @property
    def path(self) -> Path:
        """The file of this process."""
        return self._folder / f"{self._service}.{os.getpid()}.jsonl"

    def write(self, lines: Sequence[bytes]) -> int:
        """Write *lines*, rotating between them, and return how many were lost."""
        written = 0
        if self._clock() < self._retry_at:
            return len(lines)
        try:
            self._ready()
            while written < len(lines):
                if self._size and self._size + len(lines[written]) > self._max_bytes:
                    self._rotate()
                end = self._fitting(lines, written)
                self._append(b"".join(lines[written:end]))
                written = end
        except OSError:
            self._retry_at = self._clock() + _RETRY_S
            self.close()
        return len(lines) - written

    def close(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def forget(self) -> None:
        """Close the child's copy of the parent's file; the next write makes the child's own."""
        self.close()
        self._look_at = self._retry_at = 0.0

    def _ready(self) -> None:
        now = self._clock()
        if self._descriptor >= 0 and now >= self._look_at:
            self._look_at = now + _LOOK_S
            if self._is_gone():
                self.close()
        if self._descriptor < 0:
            self._open()

    def _is_gone(self) -> bool:
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return True

    def _open(self) -> None:
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._descriptor).st_size
        # A process with this pid may have died in the middle of a line.
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            self._append(b"\n")

    def _fitting(self, lines: Sequence[bytes], start: int) -> int:
        """Return the end of the lines from *start* on that fit into the file: one at least."""
        end, size = start + 1, self._size + len(lines[start])
        while end < len(lines) and size + len(lines[end]) <= self._max_bytes:
            size += len(lines[end])
            end += 1
        return end

    def _append(self, data: bytes) -> None:
        sent = 0
        try:
            while sent < len(data):
                sent += os.write(self._descriptor, data[sent:] if sent else data)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += sent

    def _rotate(self) -> None:
        self.close()
        path = self.path
        names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, self._backups + 1))]
        for newer, older in zip(names[-2::-1], names[:0:-1], strict=True):
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        self._open()


class StdoutSink:
    """Writes to stdout, past Python's buffer: a forked child must not print the parent's lines again.

    A reader that stalls is waited for once, one second; from then on its lines are lost
    until it reads again, so that it cannot hold up the file. A line that it has half of
    is finished first.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        try:
            self._descriptor = stream.fileno()
        except (OSError, ValueError):  # replaced by a test or a notebook
            self._descriptor = -1
        self._capacity = _capacity(self._descriptor)
        self._patience_ms = _PATIENCE_MS
        self._half = b""

    def write(self, lines: Sequence[bytes]) -> int:
        """Write *lines* and return how many were lost."""
        if self._descriptor < 0:
            return self._to_stream(lines)
        data = self._half + b"".join(lines)
        sent = self._send(data)
        in_line = data[sent - 1 : sent] != b"\n" if sent else bool(self._half)
        self._half = data[sent : data.find(b"\n", sent) + 1] if in_line else b""
        # What people read may have several lines an event.
        return min(len(lines), data.count(b"\n", sent + len(self._half)))

    def close(self) -> None:
        """Do nothing: stdout belongs to the process."""

    def forget(self) -> None:
        """Leave the parent's half line to the parent."""
        self._half = b""

    def _send(self, data: bytes) -> int:
        """Return how many bytes of *data* went out."""
        sent = 0
        with contextlib.suppress(OSError):  # nobody reads any more
            while sent < len(data) and (room := self._room()):
                sent += os.write(self._descriptor, data[sent : sent + room])
        self._patience_ms = _PATIENCE_MS if sent == len(data) else 0
        return sent

    def _room(self) -> int:
        """Return how many bytes can be written now without waiting for the reader."""
        if self._capacity and not self._unread():
            return self._capacity
        ready = select.poll()
        ready.register(self._descriptor, select.POLLOUT)
        # What is ready takes this much at once, by POSIX.
        return select.PIPE_BUF if ready.poll(self._patience_ms) else 0

    def _unread(self) -> int:
        if self._capacity == sys.maxsize:
            return 0
        answer = fcntl.ioctl(self._descriptor, termios.FIONREAD, bytes(4))
        return int.from_bytes(answer, sys.byteorder)

    def _to_stream(self, lines: Sequence[bytes]) -> int:
        try:
            self._stream.write(b"".join(lines).decode())
            self._stream.flush()
        except (OSError, ValueError):
            return len(lines)
        return 0


def _capacity(descriptor: int) -> int:
    """Return the bytes that *descriptor* takes while nothing in it is unread, 0 when that is not known.

    Each system call gives other threads the interpreter for some milliseconds, so few
    large ones matter where the reader keeps up.
    """
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISREG(kind):
            return sys.maxsize
        return fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) if stat.S_ISFIFO(kind) else 0
    except (OSError, AttributeError):  # closed, or a system that does not tell
        return 0
