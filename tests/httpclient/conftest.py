"""A real HTTP server that answers as its path says, and the two client libraries."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import httpx2
import pytest


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.server.asked[self.path] += 1
        kind = self.path.strip("/").split("/")[0]
        if kind == "flaky" and self.server.asked[self.path] < 3:
            self.answer(503)
        elif kind == "moved":
            self.answer(302, location="/ok")
        elif kind == "cut":
            self.send_response(200)
            self.send_header("content-length", "100")
            self.end_headers()
            self.wfile.write(b"only this")
            self.close_connection = True
        elif kind == "hang":
            self.server.release.wait(30)
            self.close_connection = True
        else:
            self.answer(200)

    def answer(self, status, **headers):
        self.send_response(status)
        for name, value in {"content-length": "2", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    """``/ok``, ``/flaky`` (503 twice, then 200), ``/moved``, ``/cut`` (body breaks off), ``/hang``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as answering:
        answering.seen, answering.asked, answering.release = [], Counter(), threading.Event()
        answering.url = f"http://127.0.0.1:{answering.server_port}"
        thread = threading.Thread(target=answering.serve_forever, args=(0.05,))
        thread.start()
        yield answering
        answering.release.set()
        answering.shutdown()
        thread.join()


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def library(request):
    return request.param
