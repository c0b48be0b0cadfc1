"""Real uvicorn with the application of the matrix, a real OTLP sink, and the traffic of every cell."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

OPENMETRICS = {"accept": "application/openmetrics-text; version=1.0.0"}
ROOT = Path(__file__).parent.parent.parent
NEWEST = "newest"


@dataclass(frozen=True)
class Setup:
    """One way of serving the matrix's application."""

    parser: str
    workers: int
    target: str = "app"
    inside: str = ""
    """Set: a BaseHTTPMiddleware is in the application."""
    fastapi: str = ""
    """Set: in an environment of its own with this FastAPI."""

    def __str__(self):
        fastapi = self.fastapi and f"fastapi-{self.fastapi}"
        words = (self.parser, self.workers, self.target.replace("app", ""), self.inside, fastapi)
        return "-".join(str(word) for word in words if word)


FAST = (Setup("httptools", 1), Setup("h11", 3))
LONG = (
    Setup("h11", 1),
    Setup("httptools", 3),
    Setup("httptools", 1, inside="inside"),
    Setup("h11", 3, inside="inside"),
    Setup("httptools", 1, target="outside"),
    *(Setup("httptools", 1, fastapi=each) for each in ("0.115.0", "0.136.0", "0.137.0", "0.142.0", NEWEST)),
)


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for resource in body["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                self.server.spans.extend(scope["spans"])
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


def poll(condition, what, within_s=60.0):
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what()}"
        time.sleep(0.05)
    return answer


@dataclass
class Served:
    """One server with its sink and log folder; ``traces`` has the trace id of each cell."""

    port: int
    logs: Path
    sink: ThreadingHTTPServer
    setup: Setup
    traces: dict[str, str] = field(default_factory=dict)
    answers: dict[str, httpx.Response] = field(default_factory=dict)
    active_while_streaming: float = 0
    page: list = field(default_factory=list)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def headers(self, name):
        trace = os.urandom(16).hex()
        self.traces[name] = trace
        return {"traceparent": f"00-{trace}-{'b' * 16}-01"}

    def lines(self, trace=None):
        found = []
        for path in self.logs.glob("*.jsonl"):
            found += [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        return found if trace is None else [line for line in found if line.get("trace_id") == trace]

    def spans(self, name):
        return [span for span in self.sink.spans if span["traceId"] == self.traces[name]]

    def server_spans(self, name):
        return [span for span in self.spans(name) if span["kind"] == 2]

    def scrape(self):
        page = httpx.get(f"{self.url}/metrics", headers=OPENMETRICS, timeout=30).text
        self.page = [each for family in text_string_to_metric_families(page) for each in family.samples]

    def value(self, name, **labels):
        """Return the sum over the series of the last scrape."""
        wanted = {**labels, "service_name": "matrix"}.items()
        return sum(each.value for each in self.page if each.name == name and wanted <= each.labels.items())

    def ask(self, name, path, method="GET", **options):
        headers = {**self.headers(name), **options.pop("headers", {})}
        # Some answers are cut by the server, as they should be.
        with httpx.Client(timeout=30) as client, contextlib.suppress(httpx.RemoteProtocolError):
            self.answers[name] = client.request(method, self.url + path, headers=headers, **options)

    def hang_up(self, name, path):
        """Ask what takes a second, and close the connection before."""
        head = "".join(f"{key}: {value}\r\n" for key, value in self.headers(name).items())
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode())
            connection.settimeout(0.1)  # no answer comes before; then it is given up
            with contextlib.suppress(TimeoutError):
                connection.recv(1)

    def leave_a_stream(self):
        """Hang up in the middle of an endless answer, after a look at the gauge."""
        with (
            httpx.Client(timeout=30) as client,
            client.stream("GET", f"{self.url}/endless", headers=self.headers("hung up")) as response,
        ):
            body = response.iter_raw()  # the connection closes with it
            next(body)
            self.scrape()
            self.active_while_streaming = self.value("http_server_active_requests", http_request_method="GET")

    def talk(self, name, path, *messages, abrupt=False):
        url, headers = f"ws://127.0.0.1:{self.port}{path}", self.headers(name)
        with (
            contextlib.suppress(ConnectionClosed, InvalidStatus, OSError),
            connect(url, additional_headers=headers) as talk,
        ):
            for message in messages:
                talk.send(message)
                talk.recv(timeout=30)
            if abrupt:
                talk.socket.shutdown(socket.SHUT_RDWR)
            elif not messages:
                talk.recv(timeout=30)

    def traffic(self):
        """Send every kind of request once; the endless one alone, for its gauge."""
        self.leave_a_stream()
        ask = self.ask
        with ThreadPoolExecutor(6) as pool:
            jobs = [
                pool.submit(
                    ask, "plain", "/plain/7?token=s3cret", headers={"authorization": "Bearer s3cret"}
                ),
                pool.submit(ask, "sync", "/sync/7"),
                pool.submit(ask, "head", "/plain/7", "HEAD"),
                pool.submit(ask, "not found", "/nothing/here"),
                pool.submit(ask, "not allowed", "/plain/7", "POST"),
                pool.submit(ask, "invalid", "/typed/x?page=one"),
                pool.submit(ask, "broken", "/broken", headers={"x-request-id": "mine-1"}),
                pool.submit(ask, "unavailable", "/unavailable"),
                pool.submit(ask, "events", "/events"),
                pool.submit(ask, "cut", "/cut"),
                pool.submit(ask, "background", "/background"),
                pool.submit(ask, "background failed", "/background-failed"),
                pool.submit(ask, "unknown method", "/plain/7", "PROPFIND"),
                pool.submit(ask, "mounted", "/sub/acme/things/3"),
                pool.submit(ask, "mounted not found", "/sub/acme/nothing"),
                pool.submit(ask, "nested", "/v1/users/1/posts/2"),
                pool.submit(ask, "static", "/static/conftest.py"),
                pool.submit(ask, "upload", "/upload", "POST", content=b"x" * 1_000_000),
                pool.submit(ask, "large", "/large"),
                pool.submit(ask, "stream", "/stream"),
                pool.submit(self.hang_up, "gone before the answer", "/slow"),
                pool.submit(self.hang_up, "gone before a sync answer", "/slow-sync"),
                pool.submit(self.talk, "talk", "/ws/42?token=s3cret", "a", "b"),
                pool.submit(self.talk, "talk abrupt", "/ws/42", "a", abrupt=True),
                pool.submit(self.talk, "talk broken", "/ws/42", "a", "break"),
                pool.submit(self.talk, "talk refused", "/ws/refused"),
                pool.submit(self.talk, "talk mounted", "/sub/acme/ws/1"),
            ]
        for job in jobs:
            job.result()

    def unsettled(self):
        """Return the cells that lack their closing line or their span."""
        closed = {
            line.get("trace_id")
            for line in self.lines()
            if line["event"] in {"http.request", "websocket.closed"}
        }
        exported = {span["traceId"] for span in list(self.sink.spans) if span["kind"] == 2}
        return [name for name, trace in self.traces.items() if trace not in closed & exported]


def environment(fastapi, folder):
    """Make an environment with that FastAPI and obskit in it, and return its Python."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    wanted = ["fastapi" if fastapi == NEWEST else f"fastapi=={fastapi}", "uvicorn", "httptools", "websockets"]
    python = folder / "env" / "bin" / "python"
    subprocess.run(
        [*pip, "--python", str(python), "install", "--no-compile", str(wheel), *wanted],
        check=True,
        cwd=folder,
    )
    return str(python)


def serve(setup, folder):
    """Start uvicorn, send the traffic, wait until it has left its traces; yield what there is to see."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sink = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    sink.spans = []
    threading.Thread(target=sink.serve_forever, args=(0.05,), daemon=True).start()
    environ = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.server_port}",
        "OBSKIT_LOG_DIR": str(folder / "logs"),
        "OBSKIT_HOME": str(folder / "home"),
        "MATRIX_INSIDE": setup.inside,
    }
    environ.pop("PYTEST_CURRENT_TEST", None)
    python = environment(setup.fastapi, folder) if setup.fastapi else sys.executable
    command = [python, "-m", "uvicorn", f"matrix_app:{setup.target}", "--app-dir", str(Path(__file__).parent)]
    command += ["--port", str(port), "--http", setup.parser, "--workers", str(setup.workers)]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=output, stderr=output)
    served = Served(port, folder / "logs", sink, setup)
    try:
        poll(lambda: answers(served, process, folder), lambda: "the server answers")
        served.traffic()
        poll(lambda: not served.unsettled(), lambda: f"line and span of {served.unsettled()}")
        served.scrape()
        yield served
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()
        sink.shutdown()
        sink.server_close()


def answers(served, process, folder):
    assert process.poll() is None, (folder / "output").read_text()
    try:
        return httpx.get(f"{served.url}/livez", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param(setup, id=str(setup)) for setup in FAST),
        *(pytest.param(setup, id=str(setup), marks=pytest.mark.prove) for setup in LONG),
    ],
)
def served(request, tmp_path_factory):
    """The matrix's application behind one parser, with one or three workers, after its traffic."""
    yield from serve(request.param, tmp_path_factory.mktemp("matrix"))
