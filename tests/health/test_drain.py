"""Draining on a real server: readiness says no first, requests go on, then it closes."""

import json
import signal
import subprocess
import sys

import httpx
import pytest

APP = """
import signal
from fastapi import FastAPI
import obskit

obskit.init(service="drained")
log = obskit.get_logger()
app = obskit.instrument(FastAPI())


@app.get("/work")
async def work():
    return "done"
"""


@pytest.fixture
def server(tmp_path, free_port, wait_for, monkeypatch):
    (tmp_path / "drained.py").write_text(APP)
    monkeypatch.setenv("OBSKIT_DRAIN_S", "1.5")
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "drained:app", f"--app-dir={tmp_path}", f"--port={port}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

        def ready():
            assert process.poll() is None, process.stderr.read()
            try:
                return client.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        wait_for(ready, "the server is ready")
        yield process, client
    process.kill()
    process.communicate()


def test_sigterm_is_readiness_no_then_requests_then_the_end(server):
    process, client = server
    process.send_signal(signal.SIGTERM)
    while (answer := client.get("/readyz")).status_code == 200:
        pass
    assert answer.json()["status"] == "draining"
    assert client.get("/livez").status_code == 200
    assert client.get("/work").json() == "done"
    output, _ = process.communicate(timeout=20)
    assert process.returncode in {0, -signal.SIGTERM}
    events = [json.loads(line)["event"] for line in output.splitlines()]
    assert events.count("http.request") == 1


def test_second_sigterm_does_not_wait(server):
    process, client = server
    process.send_signal(signal.SIGTERM)
    while client.get("/readyz").status_code == 200:
        pass
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode in {0, -signal.SIGTERM}
