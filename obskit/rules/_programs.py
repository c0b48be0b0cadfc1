"""Runs promtool, amtool and Alertmanager, where they are installed."""

import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from obskit.errors import StackError

__all__ = ["LONGEST_S", "alertmanager", "program", "run"]

LONGEST_S = 600.0
_READY_S = 60.0
_POLL_S = 0.1
_FIX = "make setup, or install Debian's prometheus and prometheus-alertmanager"


def program(*names: str) -> str:
    """Return the path of the first of *names* that is installed.

    Raises:
        StackError: none of them is.
    """
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    msg = f"{names[0]} is not installed."
    raise StackError(msg, fix=_FIX)


def run(*command: str) -> tuple[int, str]:
    """Run a program to its end; returns its exit code, and what it said.

    Raises:
        StackError: it took longer than ``LONGEST_S`` seconds.
    """
    try:
        done = subprocess.run(  # noqa: S603 - programs that this package names, with its own files
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{Path(command[0]).name} did not end within {LONGEST_S:.0f} s."
        raise StackError(msg, fix="try again when the machine is less busy") from error
    return done.returncode, done.stdout


@contextmanager
def alertmanager(config: Path) -> Iterator[str]:
    """Run an Alertmanager with *config* on a free port of this machine; yields its address.

    Raises:
        StackError: it is not installed, or did not start; says what it said.
    """
    path = program("prometheus-alertmanager", "alertmanager")
    url = f"127.0.0.1:{_free_port()}"
    with tempfile.TemporaryDirectory(prefix="obskit-alerts-") as folder:
        log = Path(folder) / "alertmanager.log"
        command = [
            *(path, f"--config.file={config}", f"--storage.path={folder}/data"),
            *(f"--web.listen-address={url}", "--cluster.listen-address="),
        ]
        with log.open("w", encoding="utf-8") as said:
            process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)  # noqa: S603 - as above
        try:
            _wait(process, f"http://{url}/-/ready", log)
            yield f"http://{url}"
        finally:
            process.terminate()
            process.wait(timeout=_READY_S)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(_POLL_S)
    msg = "Alertmanager did not start."
    raise StackError(
        msg, fix="amtool check-config alerts/alertmanager.yml", output=log.read_text("utf-8")[-2000:]
    )
