"""The processes that are one service: a directory in which each keeps what it counts.

The directory belongs to the server's parent process and is in memory (``/dev/shm``) where
there is such a place. Each member has four files: ``.keys`` and ``.cells``, its journal;
``.page``, what it last showed; ``.sock``, on which it is asked to show it anew. A member
lives as long as it holds the lock on its ``.keys``: the kernel lets go of that lock when
the process ends, however it ends, and does not hand it to children.
"""

import fcntl
import hashlib
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from obskit.metrics._journal import Journal, read_journal
from obskit.metrics._page import Page, decode, encode, merge

__all__ = ["Group", "Member", "folder_for"]

_ANSWER_S = 1.0
"""A worker that does not answer in this time is shown as it was last seen."""
_LOCK_S = 1.0
_DEAD = "dead.page"


def folder_for(service: str, owner_pid: int) -> Path:
    """Return the directory of the processes of *service* under the process *owner_pid*; it may not exist."""
    name = hashlib.sha256(service.encode()).hexdigest()[:12]
    return _root() / f"{name}.{owner_pid}.{_started(owner_pid)}"


def _root() -> Path:
    # Not TMPDIR first: macOS has a long one, and the name of a socket may have a hundred characters.
    usual = (Path("/dev/shm"), Path("/tmp"))  # noqa: S108 - the folder below is ours alone
    place = next((path for path in usual if os.access(path, os.W_OK)), Path(tempfile.gettempdir()))
    return place / f"obskit-{os.getuid()}"


def _started(pid: int) -> str:
    """Return what tells a process from a later one with the same id, where the system says it."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return "0"


def _make_root() -> Path:
    root = _root()
    root.mkdir(mode=0o700, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid() or root.stat().st_mode & 0o077:
        msg = f"{root} is not a directory of this user alone"
        raise PermissionError(msg)
    return root


class Member:
    """This process's own place in a group."""

    def __init__(self, folder: Path) -> None:
        self.stem = folder / f"{os.getpid()}-{os.urandom(4).hex()}"
        self.journal = Journal(self.stem)
        fcntl.lockf(self.journal.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._writing = threading.Lock()

    def publish(self, page: Page) -> None:
        """Keep *page* as what this process last showed."""
        with self._writing:
            part = Path(f"{self.stem}.part")
            part.write_bytes(encode(page))
            part.replace(f"{self.stem}.page")


def _remove(stem: Path) -> None:
    for suffix in (".sock", ".page", ".part", ".cells", ".keys"):
        Path(f"{stem}{suffix}").unlink(missing_ok=True)


class Group:
    """The members of one directory, read together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mine = threading.Lock()

    def join(self) -> Member:
        """Return a new member for this process.

        Raises:
            OSError: the directory cannot be used.
        """
        root = _make_root()
        with self._locked(root, must=True):
            _sweep(root, self.folder)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            return Member(self.folder)

    def others(self, own: Path) -> list[Path]:
        """Return the members but *own*, living and dead."""
        return [path.with_suffix("") for path in self.folder.glob("*.keys") if path.stem != own.name]

    def ask(self, members: Iterable[Path]) -> None:
        """Have the living *members* publish what they hold, all at once, and wait for it a second at most."""
        deadline = time.monotonic() + _ANSWER_S
        asked = [connection for connection in map(_connect, members) if connection is not None]
        for connection in asked:
            with connection, suppress(OSError):
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                connection.recv(1)

    def read(self, own: Path, shown: Page) -> Page:
        """Return one page for all members, *shown* being that of *own*; what is dead is folded away."""
        with self._locked(self.folder.parent, must=False) as locked:
            others = self.others(own)
            dead = [stem for stem in others if not _lives(stem)]
            if locked and dead:
                self._fold(dead)
                dead = []
            gone = [self._folded(), *map(_last_words, dead)]
            living = [_page(stem) for stem in others if stem not in dead]
            return merge([shown, *living], gone)

    def end(self, member: Member) -> None:
        """Remove the group if nobody lives who could show it."""
        with self._locked(self.folder.parent, must=False) as locked:
            if locked and not any(map(_lives, self.others(member.stem))):
                shutil.rmtree(self.folder, ignore_errors=True)

    def _folded(self) -> Page:
        """Return what all that died before counted; ends a folding that was cut short."""
        path = self.folder / _DEAD
        if not path.exists():
            return {}
        names, _, page = path.read_bytes().partition(b"\n")
        for name in names.decode().split():
            _remove(self.folder / name)
        return decode(page)

    def _fold(self, dead: list[Path]) -> None:
        """Add the *dead* to the one file of all that died before, and remove theirs."""
        before = self._folded()
        left = [stem for stem in dead if Path(f"{stem}.keys").exists()]
        if left:
            part = self.folder / "dead.part"
            names = " ".join(stem.name for stem in left).encode()
            part.write_bytes(names + b"\n" + encode(merge([], [before, *map(_last_words, left)])))
            part.replace(self.folder / _DEAD)
            for stem in left:
                _remove(stem)

    @contextmanager
    def _locked(self, root: Path, *, must: bool) -> Iterator[bool]:
        """Hold the lock of all groups; without *must*, go on without it after a second."""
        # Locked by process (lockf), which a fork does not copy; threads take turns by a lock of their own.
        deadline = time.monotonic() + _LOCK_S
        if not self._mine.acquire(timeout=_LOCK_S):
            yield False
            return
        descriptor = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            got = _lock(descriptor)
            while not got and (must or time.monotonic() < deadline):
                time.sleep(0.002)
                got = _lock(descriptor)
            yield got
        finally:
            os.close(descriptor)
            self._mine.release()


def _lock(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # which of them, the system decides
        return False
    return True


def _lives(stem: Path) -> bool:
    """Tell whether somebody holds the member's lock; a process must not ask that of itself."""
    try:
        descriptor = os.open(f"{stem}.keys", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _connect(member: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(0.1)
    try:
        connection.connect(f"{member}.sock")
    except OSError:  # dead, or about to be born
        connection.close()
        return None
    return connection


def _page(stem: Path) -> Page:
    with suppress(FileNotFoundError):
        return decode(Path(f"{stem}.page").read_bytes())
    return {}


def _last_words(stem: Path) -> Page:
    """Return what a dead member last showed, with its counters as they were when it died."""
    page = _page(stem)
    for name, kept in read_journal(stem).items():
        if name in page:
            page[name].samples |= kept.samples
        else:
            page[name] = kept
    return page


def _sweep(root: Path, own: Path) -> None:
    """Remove the groups that nobody is in any more and whose owner is gone."""
    for folder in root.iterdir():
        _, pid, started, *_ = *folder.name.split("."), "", ""
        if folder == own or not pid.isdigit():
            continue
        owned = _runs(int(pid)) and _started(int(pid)) == started
        if not owned and not any(_lives(path.with_suffix("")) for path in folder.glob("*.keys")):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
