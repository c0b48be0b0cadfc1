"""Metrics of a service with many workers: any of them shows them all, exemplars included.

Nothing has to be set up. A worker of uvicorn, gunicorn or hypercorn, a child of
``multiprocessing`` and a forked child join the group of their parent when they start; a
process without any of that has no group, no file and no thread for it.

prometheus-client's own multi-process mode is not used: it has no exemplars, must be chosen
by a variable before the first import, costs four times as much a change, ignores
collectors (process, garbage, pools), and its files of dead workers grow for ever or take
their counts with them. Here, instead:

1. The registry of each worker stays an ordinary one in memory.
2. A scrape asks the other workers for their page over a socket each, which a thread
   answers, and merges the pages. So the page is of this moment, with exemplars and
   collectors. A page is kept in a file before anybody is shown it: what was shown once is
   never less later, whichever worker is asked.
3. Counters and histograms are also written through to mapped memory (:mod:`_journal`), so
   that a worker that is killed loses no count. The next scrape folds the dead into one
   file.
"""

import os
import socket
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from obskit import _guard
from obskit._guard import guarded
from obskit.metrics._group import Group, Member, folder_for
from obskit.metrics._journal import Book
from obskit.metrics._page import Page

__all__ = ["Workers"]


class Workers:
    """This process's side of the group, if it is in one."""

    def __init__(
        self, service: str, book: Book, show: Callable[[], Page], names: Callable[[], list[str]]
    ) -> None:
        self._service = service
        self._book = book
        self._show = show
        self._names = names
        self._owner = _owner_pid()
        self._group: Group | None = None
        self._member: Member | None = None
        self._joining = threading.Lock()
        self._listener: socket.socket | None = None
        self._alone = self._owner == os.getpid()
        self._after_fork: list[Callable[[], None]] = []
        self._closed = False
        _on_fork(self)

    def on_child(self, release: Callable[[], None]) -> None:
        """Call *release* first thing in a forked child."""
        self._after_fork.append(release)

    def start(self) -> None:
        """Join the group of the parent, when this is a worker."""
        if not self._alone:
            self._join()

    def page(self) -> Page:
        """Return what all processes of the service show together."""
        member, group = self._member, self._group
        if member is None and self._alone and folder_for(self._service, self._owner).is_dir():
            self._join()  # children that were not forked have opened a group under this process
            member, group = self._member, self._group
        shown = self._show()
        if member is None or group is None:
            return shown
        with guarded("worker metrics"):
            group.ask(group.others(member.stem))
            member.publish(shown)
            return group.read(member.stem, shown)
        return shown

    def note_family(self, name: str) -> None:
        """Say that the family *name* belongs to this registry."""
        if self._member is not None:
            with guarded("worker metrics"):
                self._member.journal.note_family(name)

    def close(self) -> None:
        """Keep what was counted, for the others to show, and answer no more."""
        with self._joining:
            self._closed = True
            member, self._member = self._member, None
            if member is None:
                return
            with guarded("worker metrics"):
                member.publish(self._show())
            self._stop_answering()
            self._book.close()
            if self._alone and self._group is not None:
                self._group.end(member)

    def _join(self) -> None:
        with self._joining, guarded("worker metrics"):
            if self._member is not None:
                return
            group = Group(folder_for(self._service, self._owner))
            member = group.join()
            self._book.open(member.journal)
            for name in self._names():
                member.journal.note_family(name)
            self._group, self._member = group, member
            self._answer(member)

    def _answer(self, member: Member) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(f"{member.stem}.sock")
            listener.listen(64)
        except OSError:
            listener.close()
            raise
        self._listener = listener
        arguments = (weakref.ref(self), listener, member)
        threading.Thread(target=_serve, args=arguments, name="obskit-metrics", daemon=True).start()

    def _stop_answering(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, which close() alone does not
            listener.close()

    def publish(self, member: Member) -> None:
        """Keep what this process shows now."""
        with guarded("worker metrics"):
            member.publish(self._show())

    def after_fork_in_parent(self) -> None:
        """Open the group, so that this process's counts are on the pages of its children."""
        if not self._closed:
            self._join()

    def after_fork_in_child(self) -> None:
        """Become a member of the parent's group that has counted nothing yet."""
        self._joining = threading.Lock()
        for release in self._after_fork:
            release()
        _guard.failures.clear()
        self._member = self._group = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._book.begin()
        self._alone = False
        if not self._closed:
            self._join()


def _serve(workers: "weakref.ref[Workers]", listener: socket.socket, member: Member) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # closed
            return
        ours = workers()
        if ours is None:
            return
        with connection, suppress(OSError):
            ours.publish(member)
            connection.sendall(b".")
        del ours


def _owner_pid() -> int:
    """Return the process whose children serve together: the server's parent, or this one."""
    gunicorn = _gunicorn_parent()
    if gunicorn is not None:
        return gunicorn
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return os.getpid()
    if getattr(process.current_process(), "_inheriting", False):
        return os.getppid()  # a spawned child that still imports the main module, and knows no parent yet
    parent = process.parent_process()  # uvicorn, hypercorn, granian and user code start workers with it
    return os.getpid() if parent is None else int(parent.pid)


def _gunicorn_parent() -> int | None:
    """Return gunicorn's master when this is one of its workers: the stack says so, for a worker never returns."""
    if "gunicorn.workers.base" not in sys.modules:
        return None
    frame = sys._getframe()  # noqa: SLF001 - the documented way to the calling frames
    while frame is not None:
        if frame.f_code.co_name == "init_process" and Path(frame.f_code.co_filename).parent.name == "workers":
            return int(frame.f_locals["self"].ppid)
        frame = frame.f_back  # type: ignore[assignment]  # ends with None
    return None


def _on_fork(workers: Workers) -> None:
    # A fork hook cannot be taken back, so it must not keep the workers alive.
    reference = weakref.ref(workers)

    def hook(step: Callable[[Workers], None]) -> Callable[[], None]:
        def run() -> None:
            living = reference()
            if living is not None:
                step(living)

        return run

    os.register_at_fork(
        after_in_parent=hook(Workers.after_fork_in_parent),
        after_in_child=hook(Workers.after_fork_in_child),
    )
