"""The captured output of the processes: kept below a size, and read back when one of them fails."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

__all__ = ["cap", "excerpt", "open_log", "prune"]

LOG_MAX_BYTES = 20_000_000
"""Size at which the captured output of one process is moved to ``<name>.log.1``."""

SERVICE_LOGS_MAX_BYTES = 300_000_000
"""Size that all JSON log files of the services may have together."""

_LINES = 20
_TRACEBACK_LINES = 60
_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = "above exception"


def open_log(path: Path) -> int:
    """Return a descriptor that appends to *path*, which is rotated first when it is too long."""
    cap(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def cap(path: Path, max_bytes: int = LOG_MAX_BYTES) -> None:
    """Move the content of *path* to ``<path>.1`` when it is longer than *max_bytes*.

    The writer keeps its descriptor: the file is copied and emptied, as all of them append.
    """
    if path.exists() and path.stat().st_size > max_bytes:
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)


def prune(folder: Path, living: Iterable[int], max_bytes: int = SERVICE_LOGS_MAX_BYTES) -> None:
    """Remove the oldest files of *folder* until it holds *max_bytes*; files of *living* pids stay."""
    pids = {str(pid) for pid in living}
    files = sorted(
        (path for path in folder.iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime
    )
    total = sum(path.stat().st_size for path in files)
    for path in files:
        if total <= max_bytes:
            return
        if pids.isdisjoint(path.name.split(".")):  # <service>.<pid>.jsonl
            total -= path.stat().st_size
            path.unlink()


def excerpt(path: Path, offset: int = 0) -> str:
    """Return what explains a failure: the last traceback after *offset*, else the last lines."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(offset if offset <= size else 0, size - 200_000))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(_traceback(lines) or lines[-_LINES:])


def _traceback(lines: list[str]) -> list[str]:
    for number in range(len(lines) - 1, -1, -1):
        if _TRACEBACK in lines[number] and not lines[number].startswith("{"):
            return lines[_first_of_chain(lines, number) :][:_TRACEBACK_LINES]
        stack = _stacktrace(lines[number])
        if stack:
            return stack[-_TRACEBACK_LINES:]
    return []


def _first_of_chain(lines: list[str], last: int) -> int:
    """Return where the first traceback of a chain of causes starts; that is the one to mend."""
    first = last
    for number in range(last - 1, -1, -1):
        if _TRACEBACK in lines[number]:
            if not any(_CHAINED in line for line in lines[number:first]):
                break
            first = number
    return first


def _stacktrace(line: str) -> list[str]:
    """Return the stack trace that a JSON log line carries, if it does."""
    if not line.startswith("{"):
        return []
    try:
        entry: Any = orjson.loads(line)
        return str(entry["exception"]["stacktrace"]).splitlines()
    except (ValueError, KeyError, TypeError):
        return []
