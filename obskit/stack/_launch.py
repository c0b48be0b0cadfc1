"""Starts processes that outlive whoever started them."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from obskit.stack._home import Home
from obskit.stack._identity import MARK, mark
from obskit.stack._logs import open_log
from obskit.stack._specs import SUPERVISOR

__all__ = ["launch", "python_module", "start_supervisor"]

_LOOPBACK_HOSTS = "127.0.0.1,localhost"


def python_module(*arguments: str) -> tuple[str, ...]:
    """Return the command line that runs a module with this interpreter.

    ``-P``: a file of the user named like a module must not be imported in its place.
    """
    return (sys.executable, "-P", "-m", *arguments)


def launch(
    home: Home, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None, directory: str = ""
) -> subprocess.Popen[bytes]:
    """Start *argv* as process *name* of the stack, in a session of its own, its output in ``logs/<name>.log``.

    It runs in *directory*, else where the data is.

    Raises:
        OSError: the program cannot be started, or the home folder is gone.
    """
    log = open_log(home.log_of(name))
    try:
        return subprocess.Popen(  # noqa: S603 - programs that the stack found itself
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory or home.data,
            env=_environment(home.root, name, env or {}),
            start_new_session=True,
        )
    finally:
        os.close(log)


def _environment(root: Path, name: str, env: Mapping[str, str]) -> dict[str, str]:
    merged = {**os.environ, "PYTHONUNBUFFERED": "1", **env, MARK: mark(name, root)}
    # A proxy from the user's environment must not see what the stack's processes say to each other.
    for variable in ("NO_PROXY", "no_proxy"):
        merged[variable] = ",".join(filter(None, (os.environ.get(variable), _LOOPBACK_HOSTS)))
    return merged


def start_supervisor(home: Home) -> subprocess.Popen[bytes]:
    """Start the process that watches the stack of *home*.

    Raises:
        OSError: the interpreter cannot be started, or the home folder is gone.
    """
    child = launch(home, SUPERVISOR, python_module("obskit.stack", "supervise", str(home.root)))
    # It outlives most of its parents; one that lives on has to take it from the process table.
    threading.Thread(target=child.wait, name="obskit-reap-supervisor", daemon=True).start()
    return child
