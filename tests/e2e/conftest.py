"""A real stack, on ports and in a folder of its own."""

import json
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from obskit import stack

OBSKIT = Path(sys.executable).with_name("obskit")


@dataclass(frozen=True)
class Installed:
    """The command line on a home and ports that nothing else uses."""

    home: Path
    ports: dict[str, int]

    @property
    def options(self):
        return [f"--home={self.home}", *(f"--port={name}={port}" for name, port in self.ports.items())]

    def run(self, *arguments, timeout=120):
        return subprocess.run(
            [OBSKIT, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    @contextmanager
    def caller(self, user="alice"):
        """A client of the API, logged in, that comes through Traefik as callers do."""
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.ports['traefik']}", trust_env=False, timeout=30
        ) as client:
            password = json.loads((self.home / "secrets" / "demo_users.json").read_text())[user]
            answer = client.post("/api/auth/login", json={"name": user, "password": password})
            client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
            yield client

    def row(self, name):
        """One process as the stack has it now, without the start of a command in between."""
        return next(row for row in stack.status(stack.Home.at(self.home)).processes if row.name == name)

    def status(self):
        answer = self.run("status", "--json", f"--home={self.home}")
        return {row["name"]: row for row in json.loads(answer.stdout)["processes"]}


def take_ports():
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in stack.PORTS]
    ports = {port.name: probe.getsockname()[1] for port, probe in zip(stack.PORTS, probes, strict=True)}
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A home and ports for a test that starts and ends a stack itself."""
    return Installed(tmp_path_factory.mktemp("stack") / "state", take_ports())


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """One stack at the demo's time scale for all tests that leave it as they found it; nothing of it is left."""
    shared = Installed(tmp_path_factory.mktemp("shared") / "state", take_ports())
    answer = shared.run("up", "--time-scale=60", *shared.options, timeout=300)
    assert answer.returncode == 0, answer.stderr
    yield shared
    assert shared.run("down", f"--home={shared.home}").returncode == 0
    assert not [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(shared.home) in " ".join(process.info["cmdline"] or [])
    ]
