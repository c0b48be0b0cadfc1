"""obskit doctor on a running stack: each link that is broken is named, with what mends it, and no other."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from obskit import stack
from obskit.cli._doctor import examine_stack
from obskit.stack._own import watch_too

pytestmark = pytest.mark.prove
"""A whole link and a broken one are looked for in the stack of tests/e2e too."""

APP = """
import obskit
from fastapi import FastAPI
obskit.init(service="{service}")
app = FastAPI()

@app.get("/")
def root():
    return {{}}

obskit.instrument(app)
"""


def take_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Chain:
    """A stack around one small service, fifty times faster than in production."""

    def __init__(self, folder):
        self.folder, self.port = folder, take_port()
        self.home = stack.Home.at(folder / "home")
        self.ports = {port.name: take_port() for port in stack.PORTS}
        (folder / "shop.py").write_text(APP.format(service="shop"))
        slos = 'slos = [{kind = "availability", objective = 99.9}]'
        command = "python -m uvicorn shop:app --port {port}"
        text = f'[services.shop]\ncommand = "{command}"\nport = {self.port}\n{slos}\n'
        (folder / "obskit.toml").write_text(text)

    def up(self):
        stack.up(self.home, self.plan, timeout_s=240)

    def plan(self):
        """Everything but NATS, which is no link of the chain."""
        project = stack.find_project(self.folder)
        whole = stack.native_plan(self.home, ports=self.ports, time_scale=50, project=project)
        config = self.home.prometheus / "prometheus.yml"
        # A busy machine may not answer within the second that the demo's speed leaves it.
        config.write_text(re.sub(r"(scrape_(?:interval|timeout)): 1s", r"\1: 5s", config.read_text()))
        specs = (replace(spec, after=()) for spec in whole.processes if spec.name != "nats")
        return replace(whole, processes=tuple(specs))

    def broken(self):
        """Every link that does not hold, and what is said of it."""
        return {each.check: each for each in examine_stack(self.home) if each.state != "ok"}

    def call(self, port=None):
        return httpx.get(f"http://127.0.0.1:{port or self.port}/", trust_env=False, timeout=30)

    @contextmanager
    def frozen(self, name):
        """The process is there, and answers nobody."""
        process = next(row.process for row in stack.status(self.home).processes if row.name == name)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process.pid, signal.SIGCONT)

    @contextmanager
    def attached(self, name, service=None, **env):
        """Another service runs, which obskit did not start."""
        module, port = name.replace("-", "_"), take_port()
        (self.folder / f"{module}.py").write_text(APP.format(service=service or name))
        command = [sys.executable, "-m", "uvicorn", f"{module}:app", f"--port={port}"]
        environ = {
            key: value for key, value in os.environ.items() if not key.startswith(("OBSKIT_", "OTEL_"))
        }
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**environ, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        watch_too(self.home, [stack.attached(f"{name}=http://localhost:{port}")])
        try:
            yield port
        finally:
            process.terminate()
            process.wait(60)
            stack.remove_target(self.home, name)
            rows = json.loads(self.home.services.read_text())
            self.home.services.write_text(json.dumps([row for row in rows if row["name"] != name]))


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    made = Chain(tmp_path_factory.mktemp("chain"))
    try:
        made.up()
        yield made
    finally:
        stack.down(made.home)


@pytest.fixture
def whole(chain):
    """The chain while every link holds, and the service has had a request."""
    chain.call()
    deadline = time.monotonic() + 120
    while broken := chain.broken():
        assert time.monotonic() < deadline, broken
        time.sleep(0.2)
    return chain


def named(chain, wait_for, link):
    def failing():
        found = chain.broken().get(link)
        return found if found and found.state == "fail" else None

    found = wait_for(failing, f"{link} is named", within_s=120)
    assert found.fix
    return found


def test_says_of_each_link_that_it_holds(whole):
    links = {each.check for each in examine_stack(whole.home)}

    assert links == {
        "processes",
        "shop -> scrape",
        "stack -> scrape",
        "scrape -> rules",
        "rules -> alertmanager",
        "alertmanager -> pager",
        "shop -> logs",
        "shop -> traces",
        "boards -> data",
    }


def test_a_service_that_does_not_answer(whole, wait_for):
    with whole.frozen("shop"):
        found = named(whole, wait_for, "shop -> scrape")
        assert "shop does not answer in time" in found.fix
        assert "shop is unready" in whole.broken()["processes"].what


def test_a_service_that_is_not_there(whole, wait_for):
    with whole.attached("gone") as port:
        pass
    watch_too(whole.home, [stack.attached(f"gone=http://localhost:{port}")])
    try:
        found = named(whole, wait_for, "gone -> scrape")
        assert "start gone, or correct its url or port" in found.fix
    finally:
        stack.remove_target(whole.home, "gone")
        rows = json.loads(whole.home.services.read_text())
        whole.home.services.write_text(json.dumps([row for row in rows if row["name"] != "gone"]))


def test_a_service_that_calls_itself_otherwise(whole, wait_for):
    with whole.attached("billing", service="payments"):
        found = named(whole, wait_for, "billing -> scrape")
        assert "'payments'" in found.what
        assert found.fix == 'obskit.init(service="billing")'


def test_an_objective_that_no_rule_watches(whole, wait_for):
    rows = json.loads(whole.home.services.read_text())
    whole.home.services.write_text(json.dumps([{**row, "objectives": ["latency"]} for row in rows]))
    try:
        found = named(whole, wait_for, "scrape -> rules")
        assert "'latency' of shop" in found.what
        assert set(whole.broken()) == {"scrape -> rules"}
    finally:
        whole.home.services.write_text(json.dumps(rows))


def test_lines_and_traces_that_do_not_arrive(whole, wait_for):
    with whole.attached("mute") as port:
        wait_for(lambda: port_answers(whole, port), "it answers", within_s=120)
        named(whole, wait_for, "mute -> traces")
        broken = whole.broken()
        assert set(broken) == {"mute -> logs", "mute -> traces"}
        assert f"OBSKIT_LOG_DIR={whole.home.service_logs}" in broken["mute -> logs"].fix
        assert (
            f"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{whole.ports['otlp']}"
            in broken["mute -> traces"].fix
        )


def port_answers(chain, port):
    try:
        return chain.call(port).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("process", "links"),
    [
        ("alertmanager", {"rules -> alertmanager"}),
        ("console", {"boards -> data"}),
        ("embedded", {"shop -> logs", "shop -> traces"}),
        ("pager", {"alertmanager -> pager"}),
    ],
)
def test_a_process_that_does_not_answer(whole, wait_for, process, links):
    with whole.frozen(process):
        for link in links:
            named(whole, wait_for, link)
        # What Prometheus scrapes itself it finds frozen too, a little later.
        others = {"processes", f"{process} -> scrape"}
        assert set(whole.broken()) - others == links


def test_prometheus_that_does_not_answer(whole, wait_for):
    with whole.frozen("prometheus"):
        named(whole, wait_for, "scrape")
        assert "boards -> data" in whole.broken()
