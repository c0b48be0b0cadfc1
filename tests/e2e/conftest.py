"""Real stacks, each on ports and in a folder of its own; most tests share the one of the demo."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from obskit import stack

OBSKIT = Path(sys.executable).with_name("obskit")
STAYS = "Ctrl-C ends it.\n"
"""What the demo says last, when it has told its story."""
DEMO_S = 420


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

    def left(self):
        """What still runs for this home."""
        return [
            process.info["cmdline"]
            for process in psutil.process_iter(["cmdline"])
            if str(self.home) in " ".join(process.info["cmdline"] or [])
        ]

    def query(self, promql):
        """Ask Prometheus; returns the value of each service."""
        url = f"http://127.0.0.1:{self.ports['prometheus']}/api/v1/query"
        answer = httpx.get(url, params={"query": promql}, trust_env=False).json()
        return {row["metric"].get("service_name", ""): row["value"][1] for row in answer["data"]["result"]}

    def status(self):
        answer = self.run("status", "--json", f"--home={self.home}")
        return {row["name"]: row for row in json.loads(answer.stdout)["processes"]}


def take_ports():
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in stack.PORTS]
    ports = {port.name: probe.getsockname()[1] for port, probe in zip(stack.PORTS, probes, strict=True)}
    for probe in probes:
        probe.close()
    return ports


@dataclass(frozen=True)
class Told:
    """What one run of the demo printed and measured."""

    text: str
    out: dict
    home: Path


@contextmanager
def staying(installed):
    """Run the demo; it stays up inside the block, until Ctrl-C."""
    said, out = installed.home.parent / "said.txt", installed.home.parent / "out.json"
    command = [OBSKIT, "demo", f"--json={out}", *installed.options]
    unbuffered = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with said.open("w") as stdout, said.with_suffix(".err").open("w") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=unbuffered
        )
    try:
        deadline = time.monotonic() + DEMO_S
        while not said.read_text().endswith(STAYS):
            complaints = said.read_text() + said.with_suffix(".err").read_text()
            assert process.poll() is None, complaints
            assert time.monotonic() < deadline, complaints
            time.sleep(0.2)
        yield Told(said.read_text(), json.loads(out.read_text()), installed.home)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(120)
    assert code == 0
    assert installed.left() == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A home and ports for a test that starts and ends a stack itself."""
    return Installed(tmp_path_factory.mktemp("stack") / "state", take_ports())


@pytest.fixture(scope="module")
def quiet(installed):
    """A stack at the demo's time scale in which nothing has failed yet."""
    answer = installed.run("up", "--time-scale=60", *installed.options, timeout=300)
    assert answer.returncode == 0, answer.stderr
    yield installed
    assert installed.run("down", f"--home={installed.home}").returncode == 0


@pytest.fixture(scope="session")
def demonstrated(tmp_path_factory):
    """One run of the demo, and its stack; after it nothing is left."""
    shared = Installed(tmp_path_factory.mktemp("demo") / "state", take_ports())
    with staying(shared) as told:
        yield told, shared


@pytest.fixture(scope="session")
def demo(demonstrated):
    """What the demo told: every test looks at the same run."""
    return demonstrated[0]


@pytest.fixture(scope="session")
def running(demonstrated):
    """The stack that the demo leaves up, for all tests that leave it as they found it."""
    return demonstrated[1]
