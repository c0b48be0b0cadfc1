"""The thread that writes: one a process, woken once for many lines."""

import atexit
import os
import queue
import sys
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress

from obskit._guard import guarded
from obskit.config import LEVELS
from obskit.logging._sinks import Sink

__all__ = ["Writer"]

QUEUE_LINES = 10_000
QUEUE_BYTES = 8_000_000
_BATCH_LINES = 1000
_GATHER_S = 0.1
_EXIT_S = 2.0

_Entry = tuple[str, bytes, bytes]
"""Level, line for the file, line for stdout."""


class Writer:
    """Keeps lines in a bounded queue and writes them in batches.

    The queues are SimpleQueues, because those may be used from a signal handler or a
    finaliser that interrupts this very code; a lock or a Condition would hang there.
    """

    def __init__(self, file: Sink | None, stdout: Sink | None) -> None:
        self.written = dict.fromkeys(LEVELS, 0)
        self.dropped = dict.fromkeys(("queue_full", "sink_failed", "shutdown"), 0)
        self.left_out = dict.fromkeys(("rate", "sample"), 0)
        self._file, self._stdout = file, stdout
        self._running = self._closed = False
        self._reset()
        _call_in_children(self)

    def _reset(self) -> None:
        self._lines: queue.SimpleQueue[_Entry | threading.Event] = queue.SimpleQueue()
        self._hurry: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._sinks_lock = threading.Lock()
        self._spawned = threading.Lock()
        self._thread: threading.Thread | None = None
        self._end = threading.Event()
        self._bytes_in = self._bytes_out = 0

    @property
    def open(self) -> bool:
        """Whether lines are written somewhere, by the thread."""
        return not self._closed and (self._file is not None or self._stdout is not None)

    def start(self) -> None:
        """Begin to write; a second call changes nothing."""
        if not self._running and not self._closed:
            self._running = True
            atexit.register(self.close, _EXIT_S)
            if self._lines.qsize():
                self._spawn()

    def put(self, level: str, line: bytes, shown: bytes, *, urgent: bool) -> None:
        """Queue one line; when the queue is full, count it as lost.

        *line* goes to the file and *shown* to stdout. What is urgent is written at once,
        other lines wait some tens of milliseconds for company.
        """
        if self._file is None and self._stdout is None:
            self.written[level] += 1
            return
        if self._lines.qsize() >= QUEUE_LINES or self._bytes_in - self._bytes_out >= QUEUE_BYTES:
            self.dropped["queue_full"] += 1
            return
        self._bytes_in += len(line)
        self._lines.put((level, line, shown))
        if urgent and not self._hurry.qsize():
            self._hurry.put(None)
        if self._closed:
            self._write_here()
        elif self._thread is None and self._running:
            self._spawn()

    def flush(self, timeout_s: float) -> bool:
        """Wait at most *timeout_s* seconds until all queued lines are written; tell whether they are."""
        if self._closed:
            self._write_here()
        if self._thread is None or self._closed:
            return not self._lines.qsize()
        done = threading.Event()
        self._lines.put(done)
        self._hurry.put(None)
        return done.wait(timeout_s)

    def close(self, timeout_s: float) -> None:
        """Write what waits, within *timeout_s* seconds, and end the thread."""
        atexit.unregister(self.close)
        if self._closed:
            return
        if self._thread is not None:
            self._lines.put(self._end)
            self._hurry.put(None)
            if self._end.wait(timeout_s):
                self._thread.join(timeout_s)
            else:
                self.dropped["shutdown"] += self._lines.qsize() - 1  # the end is none
        self._closed = True
        self._write_here()

    def _spawn(self) -> None:
        # A lock that is taken once: a second thread, or a signal handler in here, must not start another writer.
        if not self._spawned.acquire(blocking=False):
            return
        self._thread = threading.Thread(target=self._run, name="obskit-log-writer", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads, or the interpreter is on its way out
            self._thread = None
            self._spawned.release()
            self._write_here()
        else:
            _flush_at_end_of_child(self)

    def _run(self) -> None:
        busy = False
        while not self._end.is_set():
            # While lines keep coming they find this thread asleep on the clock, not on the
            # queue: waking it costs whoever logs a system call.
            taken = [] if busy else [self._lines.get()]
            if self._lines.qsize() < _BATCH_LINES:
                self._gather()
            taken += self._take()
            busy = bool(taken)
            if busy:
                with guarded("log writer"), self._sinks_lock:
                    self._write_batch(taken)
        # What was queued behind the end, when the end had to wait for a slow disk.
        self._write_here()

    def _gather(self) -> None:
        with suppress(queue.Empty):
            self._hurry.get(timeout=_GATHER_S)

    def _write_here(self) -> None:
        """Write in this thread, unless another one is at it: that one goes on until the queue is empty."""
        while self._sinks_lock.acquire(blocking=False):
            try:
                while taken := self._take():
                    self._write_batch(taken)
                if self._file is not None:
                    self._file.close()
            finally:
                self._sinks_lock.release()
            if not self._lines.qsize():
                return

    def _take(self) -> list[_Entry | threading.Event]:
        taken: list[_Entry | threading.Event] = []
        with suppress(queue.Empty):
            while len(taken) < _BATCH_LINES:
                taken.append(self._lines.get_nowait())
        return taken

    def _write_batch(self, taken: Sequence[_Entry | threading.Event]) -> None:
        entries = [entry for entry in taken if not isinstance(entry, threading.Event)]
        self._bytes_out += sum(len(line) for _, line, _ in entries)
        if entries:
            self._write(entries)
        for entry in taken:
            if isinstance(entry, threading.Event):
                entry.set()

    def _write(self, entries: Sequence[_Entry]) -> None:
        lost = []
        if self._file is not None:
            lost.append(self._file.write([line for _, line, _ in entries]))
        if self._stdout is not None:
            lost.append(self._stdout.write([shown for _, _, shown in entries]))
        # A line that one sink took is written; one that a sink could not take is a loss all the same.
        self.dropped["sink_failed"] += max(lost)
        for level, _, _ in entries[: len(entries) - min(lost)]:
            self.written[level] += 1

    def start_over(self) -> None:
        """Begin anew in a forked child: own file and thread, none of the parent's lines and counts."""
        self._reset()
        for counts in (self.written, self.dropped, self.left_out):
            counts.update(dict.fromkeys(counts, 0))
        for sink in (self._file, self._stdout):
            if sink is not None:
                sink.forget()


def _call_in_children(writer: Writer) -> None:
    # A fork hook cannot be taken back, so it must not keep the writer alive.
    reference = weakref.ref(writer)

    def start_over() -> None:
        living = reference()
        if living is not None:
            living.start_over()

    os.register_at_fork(after_in_child=start_over)


def _flush_at_end_of_child(writer: Writer) -> None:
    # A child of multiprocessing ends with os._exit: it runs these finalisers, not atexit.
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None and process.parent_process() is not None:
        util.Finalize(None, writer.flush, args=(_EXIT_S,), exitpriority=0)
