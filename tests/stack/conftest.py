import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from obskit import stack
from obskit.stack._identity import find_marked, is_alive
from obskit.stack._launch import python_module
from obskit.stack._specs import KEEPER

STANDIN = Path(__file__).with_name("standin.py")


class Site:
    """One home folder, and what tests do with the stack in it."""

    def __init__(self, home: stack.Home, free_port, wait_for) -> None:
        self.home = home
        self._free_port = free_port
        self._wait_for = wait_for

    def standin(self, name: str, *flags: str, port: int | None = None, **fields) -> stack.ProcessSpec:
        """Describe a small server that behaves as its flags say."""
        port = port or self._free_port()
        return stack.ProcessSpec(
            name=name,
            argv=(sys.executable, str(STANDIN), str(port), *flags),
            ports={name: port},
            ready=stack.Probe(port, "/readyz"),
            **fields,
        )

    def plan(self, *specs: stack.ProcessSpec, **fields) -> Callable[[], stack.Plan]:
        """Make a plan of *specs* and the keeper, as up() takes it."""
        argv = python_module("obskit.stack", "keep", str(self.home.root))
        ports = {name: port for spec in specs for name, port in spec.ports.items()}
        processes = (stack.ProcessSpec(name=KEEPER, argv=argv), *specs)
        return lambda: stack.Plan(processes=processes, ports=ports, **fields)

    def row(self, name: str) -> stack.ProcessRecord:
        """Return the row of one process as status shows it."""
        return next(each for each in stack.status(self.home).processes if each.name == name)

    def kill(self, name: str) -> stack.Identity:
        """End one process by SIGKILL and return who it was."""
        process = self.row(name).process
        os.kill(process.pid, signal.SIGKILL)
        self._wait_for(lambda: not is_alive(process), f"the end of {name}")
        return process

    def kill_watchers(self) -> None:
        """End supervisor and keeper so that neither can start the other again."""
        watchers = [self.row(name).process for name in ("keeper", "supervisor")]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in watchers:
                os.kill(process.pid, number)
        self._wait_for(lambda: not any(map(is_alive, watchers)), "the end of both watchers")

    def is_back(self, name: str, before: stack.Identity) -> bool:
        """Tell whether a process is ready again, as another than it was."""
        found = self.row(name)
        return found.state == "ready" and found.process not in {before, None}

    def running(self) -> list[str]:
        """Name every process of the stack that still runs, whatever its state file says."""
        return sorted(name for name, _ in find_marked(self.home.root))


@pytest.fixture
def site(tmp_path: Path, free_port, wait_for) -> Iterator[Site]:
    """A home folder; whatever runs in it at the end of the test is ended."""
    made = Site(stack.Home.at(tmp_path / "home"), free_port, wait_for)
    yield made
    stack.down(made.home)
