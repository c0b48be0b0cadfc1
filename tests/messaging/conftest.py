"""A real NATS server with JetStream, one for the tests of this folder."""

import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory):
    import socket

    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        port, monitor = first.getsockname()[1], second.getsockname()[1]
    store = tmp_path_factory.mktemp("nats")
    binary = Path(sys.executable).with_name("nats-server")
    arguments = ["-a", "127.0.0.1", "-p", str(port), "-m", str(monitor), "-js", "-sd", str(store)]
    process = subprocess.Popen([binary, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not answers(f"http://127.0.0.1:{monitor}/healthz"):
        assert process.poll() is None, "nats-server ended at start"
    yield f"nats://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except (URLError, ConnectionError, TimeoutError):
        return False
