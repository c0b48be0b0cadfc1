"""A collector that takes spans, keeps their bodies, and counts them when it is asked.

Counted late, so that it costs little while something is measured. ``GET /count`` answers
with the SERVER spans and all spans since it was last asked.
"""

import gzip
import json
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SERVER = 2


def count(kind: str, body: bytes) -> tuple[int, int]:
    """Return how many SERVER spans and how many spans *body* has, JSON or protobuf."""
    if "json" in kind:
        kinds = [
            span["kind"]
            for resource in json.loads(body)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]
    else:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        kinds = [
            span.kind
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
    return sum(kind == SERVER for kind in kinds), len(kinds)


def serve(*, answers: bool) -> None:
    """Serve until the process is ended; print the port first."""
    bodies: list[tuple[str, bytes]] = []
    never = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not answers:
                never.wait()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path.endswith("/traces"):
                bodies.append((self.headers["Content-Type"], body))
            self._answer(b"{}" if "json" in self.headers["Content-Type"] else b"")

        def do_GET(self):
            taken, bodies[:] = list(bodies), []
            counts = [count(*each) for each in taken]
            self._answer(
                json.dumps({"server": sum(a for a, _ in counts), "all": sum(b for _, b in counts)}).encode()
            )

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()


class Sink:
    """The collector's process."""

    def __init__(self, *, answers: bool) -> None:
        command = [sys.executable, __file__, "answers" if answers else "silent"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def arrived(self) -> dict[str, int]:
        """Return what arrived since the last call: ``server`` spans, and ``all``."""
        with urllib.request.urlopen(f"{self.url}/count", timeout=120) as answer:
            return json.load(answer)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def collector(*, answers: bool = True):
    """Run a collector; one that does not answer takes everything and says nothing."""
    sink = Sink(answers=answers)
    try:
        yield sink
    finally:
        sink.close()


if __name__ == "__main__":
    serve(answers=sys.argv[1] == "answers")
