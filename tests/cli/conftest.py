import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from obskit import stack
from obskit.stack._identity import find_marked

STANDIN_CLI = Path(__file__).with_name("standin_cli.py")
REAL = (sys.executable, "-c", "from obskit.cli.main import run; run()")


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str


def _free_ports() -> dict[str, int]:
    """Return a free port for each name of the table; all are held until the last is found."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in stack.PORTS]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        numbers = [probe.getsockname()[1] for probe in probes]
    return {port.name: number for port, number in zip(stack.PORTS, numbers, strict=True)}


class Shell:
    """Types commands, with a home folder and ports of their own."""

    def __init__(self, folder: Path) -> None:
        self.home = stack.Home.at(folder / "home")
        self.ports = _free_ports()
        self.env = {
            **os.environ,
            "OBSKIT_HOME": str(self.home.root),
            "COLUMNS": "200",
            **{stack.variable(name): str(number) for name, number in self.ports.items()},
        }

    def run(self, *arguments: str, program=REAL, **env: str) -> Result:
        """Type ``obskit`` with *arguments* and wait for its end."""
        done = subprocess.run(
            [*program, *arguments],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def run_standins(self, *arguments: str, **env: str) -> Result:
        """Type ``obskit`` with small servers in the place of the real ones."""
        return self.run(*arguments, program=(sys.executable, str(STANDIN_CLI)), **env)

    def start_standins(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Type ``obskit`` with small servers and go on while it runs."""
        return subprocess.Popen(
            [sys.executable, str(STANDIN_CLI), *arguments],
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def running(self) -> list[str]:
        """Name every process of the stack that still runs."""
        return sorted(name for name, _ in find_marked(self.home.root))


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell with an empty home; whatever runs in it at the end is ended."""
    made = Shell(tmp_path)
    yield made
    stack.down(made.home)
