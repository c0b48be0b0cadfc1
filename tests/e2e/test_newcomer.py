"""The newcomer: from an empty directory to a page for a service of one's own, and back; no file edited by hand."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from obskit import stack
from obskit._assets import asset

pytestmark = pytest.mark.prove

OBSKIT = Path(sys.executable).with_name("obskit")
ORDER = {"sku": "A-1", "quantity": 2}
RED = {"Requests", "Error ratio", "Duration p95", "In flight", "Requests by status", "Duration"}
LOGS = '{service_name="shop"} | json | event="http.request"'


STRANGER = """from pathlib import Path

from fastapi import FastAPI

app = FastAPI()


@app.post("/orders")
@app.post("/orders/async")
def order() -> dict[str, str]:
    if Path("broken").exists():
        raise RuntimeError("the till is empty")
    return {"state": "completed"}
"""


@pytest.fixture
def newcomer(tmp_path):
    made = Newcomer(tmp_path)
    yield made
    made.type("down", "--wipe")


class Newcomer:
    """Somebody who types commands, in a directory and with ports that nothing else uses."""

    def __init__(self, folder):
        self.folder = folder
        probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(len(stack.PORTS) + 1)]
        numbers = [probe.getsockname()[1] for probe in probes]
        for probe in probes:
            probe.close()
        self.port, self.ports = numbers.pop(), {}
        self.ports = {port.name: number for port, number in zip(stack.PORTS, numbers, strict=True)}
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OBSKIT_"))
        }
        self.env = kept | {stack.variable(name): str(number) for name, number in self.ports.items()}

    def type(self, *arguments, program=OBSKIT):
        return subprocess.run(
            [program, *arguments],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def json(self, *arguments):
        return json.loads(self.type(*arguments).stdout)

    def query(self, promql):
        url = f"http://127.0.0.1:{self.ports['prometheus']}/api/v1/query"
        return httpx.get(url, params={"query": promql}, trust_env=False).json()["data"]["result"]

    def incidents(self):
        return [one for one in self.json("incidents", "list", "--json") if one["service"] == "shop"]


class Callers:
    """Ten orders a second of each kind, until the block ends."""

    def __init__(self, port):
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=(f"http://127.0.0.1:{port}{path}",))
            for path in ("/orders", "/orders/async")
            for _ in range(2)
        ]

    def _call(self, url):
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self._stop.wait(0.2):
                client.post(url, json=ORDER)

    def __enter__(self):
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_error):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def test_from_an_empty_directory_to_a_page_and_back(newcomer, wait_for):
    began = time.monotonic()
    assert newcomer.type("new", "service", "shop", "--port", str(newcomer.port)).returncode == 0
    newcomer.folder = newcomer.folder / "shop"
    written = {path: path.read_bytes() for path in newcomer.folder.rglob("*") if path.is_file()}
    tests = newcomer.type("-m", "pytest", "-q", "-p", "no:cacheprovider", program=sys.executable)
    assert tests.returncode == 0, tests.stdout

    it_pages_while_it_is_broken(newcomer, wait_for, broker_frozen)
    assert {path: path.read_bytes() for path in written} == written
    assert time.monotonic() - began < 600  # the promise: under ten minutes


def test_an_application_that_knew_nothing_of_obskit_does_the_same_after_its_diff(newcomer, wait_for):
    (newcomer.folder / "main.py").write_text(STRANGER)
    (newcomer.folder / "requirements.txt").write_text("fastapi\n")
    shown = newcomer.type("adopt", "--service", "shop", "--port", str(newcomer.port))
    subprocess.run(["git", "apply", "-"], cwd=newcomer.folder, input=shown.stdout, text=True, check=True)

    it_pages_while_it_is_broken(newcomer, wait_for, till_empty)


@contextmanager
def broker_frozen(newcomer):
    """The broker is there, and answers nobody."""
    (broker,) = [row for row in newcomer.json("status", "--json")["processes"] if row["name"] == "nats"]
    os.kill(broker["pid"], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker["pid"], signal.SIGCONT)


@contextmanager
def till_empty(newcomer):
    """The application fails each order."""
    (newcomer.folder / "broken").touch()
    try:
        yield
    finally:
        (newcomer.folder / "broken").unlink()


def it_pages_while_it_is_broken(newcomer, wait_for, breaking):
    """Up, seen everywhere, and quiet; a page for its objective while it is broken; resolved afterwards."""
    up = newcomer.type("up", "--time-scale", "60")
    assert up.returncode == 0, up.stderr
    with Callers(newcomer.port):
        it_is_seen(newcomer, wait_for)
        assert newcomer.incidents() == []
        assert newcomer.type("doctor").returncode == 0

        with breaking(newcomer):
            page = wait_for(
                lambda: [one for one in newcomer.incidents() if one["urgency"] == "high"],
                "a page",
                within_s=180,
            )
        (budget,) = [one for one in page if one["urgency"] == "high"]
        assert budget["title"] == "shop fails requests faster than its 99.9 % objective allows"
        wait_for(
            lambda: {one["status"] for one in newcomer.incidents()} == {"resolved"}, "resolved", within_s=240
        )


def it_is_seen(newcomer, wait_for):
    """Every RED panel of the service's board has data, and its lines and a trace are there."""
    board = json.loads(asset("dashboards", "json", "service.json").read_text())
    panels = [panel for panel in board["panels"] if panel.get("title") in RED and panel["type"] != "row"]
    assert {panel["title"] for panel in panels} == RED
    for panel in panels:
        for target in panel["targets"]:
            query = target["expr"].replace("$service", "shop").replace("$route", ".*")
            asked = partial(newcomer.query, query.replace("$__rate_interval", "15s"))
            wait_for(asked, panel["title"], within_s=120)
    lines = wait_for(
        lambda: newcomer.type("logs", LOGS, "--limit", "5", "--json").stdout, "its lines", within_s=60
    )
    (trace_id, *_) = re.findall(r'trace_id[\\":= ]+([0-9a-f]{32})', lines)
    wait_for(lambda: "POST /orders" in newcomer.type("trace", trace_id).stdout, "its trace", within_s=60)
