"""Writes files so that nobody ever reads half of one, and no secret is ever readable by others."""

import os
from pathlib import Path

__all__ = ["write_atomic", "write_secret"]


def write_atomic(path: Path, data: bytes | str) -> None:
    """Replace the file at *path* with *data* in one step.

    Raises:
        OSError: the folder is gone, not writable, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data if isinstance(data, bytes) else data.encode())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_secret(path: Path, secret: str) -> None:
    """Create the file at *path*, readable by its owner only, unless there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)  # a key that the user put there
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret)
