"""Follows the log files of a folder: each whole line is stored once, whatever happens between two reads.

A file is known by its device and inode, so a rotated one is read on under its new name.
What was stored and how far the file was read are committed together. How the file began
is kept too: an inode that is used again, or a file that was cut and filled anew, begins
differently and is read from its start.
"""

import os
import re
import stat
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from obskit._guard import guarded
from obskit.embedded.logs._records import Records
from obskit.embedded.logs._store import Batch, Entry, FileState

__all__ = ["MAX_LINE_BYTES", "Sink", "Tailer"]

MAX_LINE_BYTES = 2 << 20
"""What is kept of a line; the rest of a longer one is left out."""
_CHUNK = 1 << 20
_HEAD = 256
_NAME = re.compile(r".+\.jsonl(\.\d+)?")
_ANY_NAME = re.compile(r".+\.(jsonl|json|log|txt|out)(\.\d+)?")
_POLL_S = 0.2
_TOGETHER_BYTES = 8 << 20
_GONE_AFTER = 10
_MOST_KNOWN = 10_000

_Pending = tuple["_File", FileState, "Future[None]"]


class Sink(Protocol):
    """Where lines go: the store, or what ships them to another."""

    def files(self) -> list[FileState]:
        """Return how far each known file was read."""

    def append_file(self, batches: Sequence[Batch], state: FileState) -> "Future[None]":
        """Keep the lines of *batches* and how far their file was read, together."""

    def forget_files(self, files: Sequence[tuple[int, int]]) -> None:
        """Forget files, by device and inode, that are gone."""


@dataclass(slots=True)
class _File:
    """A file that is open, and how far it was read; *waits_at* is where nothing more could be read."""

    descriptor: int
    state: FileState
    records: Records
    unlisted: int = 0
    waits_at: tuple[int, int] = (-1, -1)


class Tailer:
    """Reads the files ``*.jsonl`` of *folder*, and their rotated ones, into *sink*.

    A folder in it, or a link to one, is named after a service, and holds log files of any name
    that this service writes itself: the lines of text in them are that service's.
    """

    def __init__(self, sink: Sink, folder: Path) -> None:
        self._sink = sink
        self._folder = folder
        self._files: dict[tuple[int, int], _File] = {}
        self._known = {(state.device, state.inode): state for state in sink.files()}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-tailer", daemon=True)

    def start(self) -> None:
        """Begin to follow the files, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Store what was read, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)
        for file in self._files.values():
            os.close(file.descriptor)
        self._files.clear()

    def _run(self) -> None:
        while not self._stop.is_set():
            more = False
            with guarded("log tailer"):
                more = self.poll()
            if not more:
                self._stop.wait(_POLL_S)

    def poll(self) -> bool:
        """Read a little of every file that has grown; return whether something was read."""
        self._look()
        pending: list[_Pending] = []
        was_read, size = False, 0
        for file in list(self._files.values()):
            step = None if self._stop.is_set() else self._read(file)
            if step is None:
                continue
            batches, state = step
            pending.append((file, state, self._sink.append_file(batches, state)))
            was_read, size = True, size + state.offset - file.state.offset
            if size >= _TOGETHER_BYTES:
                _settle(pending)
                pending, size = [], 0
        _settle(pending)
        self._let_go()
        return was_read

    def _look(self) -> None:
        for file in self._files.values():
            file.unlisted += 1
        files, folders = _entries(self._folder, _NAME)
        for entry in files:
            self._see(entry, Path(entry.name))
        for folder in folders:
            for entry in _entries(Path(folder.path), _ANY_NAME)[0]:
                self._see(entry, Path(folder.name))

    def _see(self, entry: "os.DirEntry[str]", named: Path) -> None:
        try:
            status = entry.stat()
        except OSError:  # renamed or removed meanwhile; it is found again, or not
            return
        file = self._files.get((status.st_dev, status.st_ino))
        if file is None:
            self._open(Path(entry.path), named)
        else:
            file.unlisted = 0

    def _open(self, path: Path, named: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # as above, or not ours to read
            return
        status = os.fstat(descriptor)
        key = (status.st_dev, status.st_ino)
        if key in self._files or not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            return
        state = self._known.get(key, FileState(*key, 0, b""))
        self._files[key] = _File(descriptor, state, Records(named))

    def _read(self, file: _File) -> tuple[list[Batch], FileState] | None:
        size = os.fstat(file.descriptor).st_size
        if (size, file.state.offset) == file.waits_at:
            return None
        if size < file.state.offset or not _begins_as_before(file):
            file.state = replace(file.state, offset=0, head=b"", cutting=False)
        step = _step(file)
        if step is None:
            file.waits_at = (size, file.state.offset)
        return step

    def _let_go(self) -> None:
        """Close the files that nobody can write to under a name of ours, once they were read to their end."""
        removed: list[tuple[int, int]] = []
        for key, file in list(self._files.items()):
            if file.unlisted < _GONE_AFTER:
                continue
            status = os.fstat(file.descriptor)
            if (status.st_size, file.state.offset) != file.waits_at:
                continue
            os.close(file.descriptor)
            del self._files[key]
            self._known[key] = file.state
            if status.st_nlink == 0:
                removed.append(key)
        over = len(self._known) - _MOST_KNOWN
        if over > 0:
            removed += [key for key in self._known if key not in self._files][:over]
        self._forget(removed)

    def _forget(self, keys: list[tuple[int, int]]) -> None:
        if keys:
            self._sink.forget_files(keys)
            for key in keys:
                self._known.pop(key, None)


def _entries(
    folder: Path, name: "re.Pattern[str]"
) -> tuple[list["os.DirEntry[str]"], list["os.DirEntry[str]"]]:
    """Return the files of *folder* with such a *name*, rotated ones first, and its folders."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name, reverse=True)
    except OSError:  # it is not there yet
        return [], []
    # A name that is a file's needs no question whether it is a folder.
    files = [entry for entry in entries if name.fullmatch(entry.name)]
    return files, [entry for entry in entries if not name.fullmatch(entry.name) and entry.is_dir()]


def _settle(pending: list[_Pending]) -> None:
    """Wait for what is being stored; a failure of one file leaves the others as far as they are."""
    failures = []
    for file, state, stored in pending:
        failure = stored.exception()
        if failure is None:
            file.state = state
        else:
            failures.append(failure)
    if failures:
        raise failures[0]


def _begins_as_before(file: _File) -> bool:
    head = file.state.head
    return not head or os.pread(file.descriptor, len(head), 0) == head


def _step(file: _File) -> tuple[list[Batch], FileState] | None:
    chunk = os.pread(file.descriptor, _CHUNK, file.state.offset)
    end = chunk.rfind(b"\n") + 1
    if end == 0:
        return _long_line(file, chunk) if len(chunk) == _CHUNK else None
    lines = chunk[:end].split(b"\n")[:-1]
    if file.state.cutting:
        lines.pop(0)
    return _batches(lines, file.records), _advanced(file, end, cutting=False)


def _long_line(file: _File, chunk: bytes) -> tuple[list[Batch], FileState] | None:
    """Take a line that is longer than a chunk: whole, cut, or what is left of a cut one."""
    if file.state.cutting:
        return [], _advanced(file, len(chunk), cutting=True)
    chunk = os.pread(file.descriptor, MAX_LINE_BYTES + 1, file.state.offset)
    end = chunk.find(b"\n") + 1
    if end:
        return _batches([chunk[: end - 1]], file.records), _advanced(file, end, cutting=False)
    if len(chunk) <= MAX_LINE_BYTES:
        return None
    cut = chunk[:MAX_LINE_BYTES]
    return _batches([cut], file.records), _advanced(file, len(cut), cutting=True)


def _advanced(file: _File, read: int, *, cutting: bool) -> FileState:
    state, offset = file.state, file.state.offset + read
    head = state.head
    if len(head) < min(_HEAD, offset):
        head = os.pread(file.descriptor, min(_HEAD, offset), 0)
    return replace(state, offset=offset, head=head, cutting=cutting)


def _batches(lines: list[bytes], records: Records) -> list[Batch]:
    streams: dict[str, list[Entry]] = {}
    for line in lines:
        if line.strip():
            labels, entry = records.read(line.removesuffix(b"\r"))
            streams.setdefault(labels, []).append(entry)
    return [Batch(labels, entries) for labels, entries in streams.items()]
