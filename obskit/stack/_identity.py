"""Tells one process from another that has the same pid.

A pid is used again after its process has ended. What is never used again is the pid
together with the moment of birth, so both are kept, and nothing is signalled unless
both still match. On Linux that moment is read from the kernel in its own clock: the
wall clock may be set while the stack runs.
"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

from obskit.errors import StackError

__all__ = ["MARK", "Identity", "find_marked", "identify", "is_alive", "mark", "marked_home", "send"]

MARK = "OBSKIT_STACK_PROCESS"
"""The variable that every process of a stack carries: its name and its home folder."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, for ever: its pid and its moment of birth."""

    pid: int
    born: str


def identify(pid: int) -> Identity | None:
    """Return the identity of the process that has *pid* now, or None; a zombie counts as ended."""
    if _BOOT.exists():
        return _identify_linux(pid)
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, repr(process.create_time()))
    except psutil.Error:
        return None


def _identify_linux(pid: int) -> Identity | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The second field is the program's name and may hold spaces and brackets.
    fields = text.rpartition(b")")[2].split()
    if not fields or fields[0] in {b"Z", b"X"}:
        return None
    boot = _BOOT.read_text(encoding="ascii").strip()
    return Identity(pid, f"{boot}/{fields[19].decode()}")


def is_alive(identity: Identity) -> bool:
    """Tell whether this very process still runs."""
    return identify(identity.pid) == identity


def send(identity: Identity, number: signal.Signals) -> bool:
    """Signal this very process; gives False when it has ended.

    Raises:
        StackError: the process belongs to another user.
    """
    try:
        return _send(identity, number)
    except ProcessLookupError:
        return False
    except PermissionError as error:
        msg = f"Process {identity.pid} belongs to another user and cannot be stopped by you."
        raise StackError(msg, fix="type obskit down as the user who typed obskit up") from error


def _send(identity: Identity, number: signal.Signals) -> bool:
    if not hasattr(os, "pidfd_open"):
        if not is_alive(identity):
            return False
        os.kill(identity.pid, number)
        return True
    # The descriptor stays with the process: no other can take the pid between check and signal.
    descriptor = os.pidfd_open(identity.pid)
    try:
        if not is_alive(identity):
            return False
        signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)
    return True


def mark(name: str, home: Path) -> str:
    """Return the value of :data:`MARK` for process *name* of the stack in *home*."""
    return f"{name}@{home}"


def marked_home(pid: int) -> str | None:
    """Return the home of the stack that process *pid* belongs to, where that can be seen."""
    try:
        value = psutil.Process(pid).environ().get(MARK, "")
    except (psutil.Error, OSError):
        return None
    return value.partition("@")[2] or None


def find_marked(home: Path) -> list[tuple[str, Identity]]:
    """Return name and identity of every process of the stack in *home*, whatever its state file says.

    Children that a process made itself carry its mark too; they come after it.
    """
    found = []
    for process in psutil.process_iter():
        try:
            value = process.environ().get(MARK, "")
        except (psutil.Error, OSError):
            continue
        name, _, folder = value.partition("@")
        identity = identify(process.pid) if folder == str(home) and process.pid != os.getpid() else None
        if identity is not None:
            found.append((process.create_time(), name, identity))
    return [(name, identity) for _, name, identity in sorted(found, key=lambda row: row[0])]
