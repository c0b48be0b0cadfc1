"""Spans of real servers: each worker sends its own, and no collector holds a shutdown."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

APP = """
import os
from fastapi import FastAPI
from obskit.metrics import render
import obskit

obs = obskit.init(service="spans")
app = obskit.instrument(FastAPI())
with obskit.span("while loading"):
    pass


@app.get("/")
@obskit.traced
def root():
    return os.getpid()


def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/metrics":
        start_response("200 OK", [])
        return [render(obs.registry, "")[0]]
    start_response("200 OK", [])
    return [b"%d" % root()]
"""
GUNICORN = ["gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}", "served:wsgi"]


class Collector(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        self.spans = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in body["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                self.server.spans.extend(scope["spans"])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        """Keep the test's output clean."""


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.shutdown()
    collector.server_close()


@pytest.fixture
def black_hole():
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(100)
        yield f"http://127.0.0.1:{hole.getsockname()[1]}"


def ask(port, path="/"):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.read().decode()
    except OSError:
        return ""


@pytest.fixture
def serve(tmp_path, free_port, wait_for):
    """Start a server that sends its spans to an address, and give its port."""
    (tmp_path / "served.py").write_text(APP)
    started = []

    def run(command, endpoint):
        port = free_port()
        environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        path = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))
        environ |= {"PYTHONPATH": path, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        words = [word.format(port=port) for word in command]
        with (tmp_path / "out").open("w") as out:
            server = subprocess.Popen(
                [sys.executable, "-m", *words], env=environ, cwd=tmp_path, stdout=out, stderr=out
            )
        started.append(server)
        wait_for(lambda: ask(port), "the server answers", within_s=60)
        return server, port

    yield run
    for server in started:
        # uvicorn's workers outlive a parent that is killed.
        workers = psutil.Process(server.pid).children(recursive=True) if server.poll() is None else []
        server.kill()
        server.wait(30)
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "served:app", "--workers", "2", "--port", "{port}"],
        [*GUNICORN, "--preload"],
    ],
    ids=["uvicorn", "gunicorn preload"],
)
def test_spans_of_every_worker_arrive_once(serve, collector, wait_for, command):
    _, port = serve(command, f"http://127.0.0.1:{collector.server_port}")

    def until_both_answered(seen):
        with ThreadPoolExecutor(8) as pool:
            seen += filter(None, pool.map(lambda _: ask(port), range(8)))
        return len(set(seen)) == 2

    answers = [ask(port)]
    wait_for(lambda: until_both_answered(answers), "both workers answer", within_s=60)

    def arrived():
        return [span for span in collector.spans if span["name"] == "root"]

    # One more: the request by which serve() found it ready.
    wait_for(lambda: len(arrived()) >= len(answers) + 1, "all spans arrive", within_s=30)
    ids = [(span["traceId"], span["spanId"]) for span in collector.spans]
    assert len(ids) == len(set(ids))
    loads = sum(span["name"] == "while loading" for span in collector.spans)
    assert loads == (1 if "--preload" in command else 2)


@pytest.mark.parametrize("kind", ["black hole", "refused"])
def test_a_dead_collector_holds_no_shutdown_and_the_loss_is_on_the_page(
    serve, black_hole, free_port, wait_for, kind
):
    endpoint = black_hole if kind == "black hole" else f"http://127.0.0.1:{free_port()}"
    server, port = serve(["uvicorn", "served:app", "--port", "{port}"], endpoint)
    for _ in range(20):
        assert ask(port)
    if kind == "refused":
        lost = 'obskit_telemetry_dropped_total{reason="export_failed",service_name="spans",signal="traces"}'
        wait_for(lambda: f"{lost} 0" not in ask(port, "/metrics"), "the loss is counted")
    server.send_signal(signal.SIGTERM)
    # Exporters that wait for a collector take 30 s and more; the budget is 5 s on an idle machine.
    server.wait(20)
