"""Measures what obskit adds to a request, interleaved with the bare application in one run.

``make bench`` writes bench.json. CPU time of all threads, in-process, medians over rounds; the
log goes to a file, spans go to a collector on loopback, and a run counts only when at least
95 % of the spans and all access lines arrived.
"""

import asyncio
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
REQUESTS = 3000
VARIANTS = ("bare", "obskit", "unsampled")
ARRIVED = 0.95


def main() -> int:
    """Interleave the variants, each in a process of its own, and print the table."""
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(ROUNDS):
        for name in VARIANTS:
            output = subprocess.run(
                [sys.executable, __file__, name], capture_output=True, text=True, check=True
            )
            times[name].append(json.loads(output.stdout)["cpu_us"])
    medians = {name: statistics.median(values) for name, values in times.items()}
    added = {name: round(medians[name] - medians["bare"], 1) for name in VARIANTS}
    result = {
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "requests": REQUESTS,
        "cpu_us": times,
        "added_us": added,
    }
    Path("bench.json").write_text(json.dumps(result, indent=2))
    print(f"{'variant':<12}{'CPU us/request':>16}{'added us':>12}{'x bare':>9}")
    for name in VARIANTS:
        print(f"{name:<12}{medians[name]:>16.1f}{added[name]:>12.1f}{medians[name] / medians['bare']:>9.2f}")
    return 0


def measure(variant: str) -> None:
    """Send requests to one variant in this process and print its CPU time a request."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/items/{item}")
    async def item(item: int) -> dict[str, int]:
        return {"item": item}

    with tempfile.TemporaryDirectory() as folder:
        check = instrument(app, variant, Path(folder)) if variant != "bare" else None
        asyncio.run(send(app, 200))
        began = time.process_time()
        asyncio.run(send(app, REQUESTS))
        cpu_us = (time.process_time() - began) / REQUESTS * 1e6
        if check is not None:
            check()
    print(json.dumps({"cpu_us": cpu_us}))


def instrument(app, variant, folder):
    """Turn everything on, and return the check that everything arrived."""
    import obskit

    sink = subprocess.Popen([sys.executable, __file__, "sink"], stdout=subprocess.PIPE, text=True)
    port = int(sink.stdout.readline())
    obs = obskit.init(
        service="bench", log_dir=folder, log_format="none", otlp_endpoint=f"http://127.0.0.1:{port}"
    )
    obskit.instrument(app)

    def check() -> None:
        obskit.shutdown()
        lines = sum(path.read_bytes().count(b'"http.request"') for path in folder.iterdir())
        spans = obs.tracing.exporter.exported
        sink.terminate()
        sink.wait()
        assert lines == REQUESTS + 200, lines
        assert variant == "unsampled" or spans >= (REQUESTS + 200) * ARRIVED, spans

    return check


async def send(app, count: int) -> None:
    """Call the application *count* times as a server would."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
    }
    scope |= {"path": "/items/7", "raw_path": b"/items/7", "query_string": b"", "root_path": ""}
    scope |= {"headers": [(b"host", b"bench"), (b"user-agent", b"bench/1")], "server": ("127.0.0.1", 80)}

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def discard(message):
        pass

    for number in range(count):
        await app(dict(scope), receive, discard)
        if number % 20 == 0:
            await asyncio.sleep(0.002)  # paced: exporter and writer get their turn, as they do in a service


def sink() -> None:
    """Take spans and throw them away."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(main())
    if sys.argv[1] == "sink":
        sink()
    if sys.argv[1] == "unsampled":
        import os

        os.environ["OTEL_TRACES_SAMPLER"] = "always_off"
    measure(sys.argv[1])
