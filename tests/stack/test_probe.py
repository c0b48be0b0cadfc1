import asyncio
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from obskit.stack import Probe
from obskit.stack._probe import check


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/readyz" else 503)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_200_is_ready(server):
    assert asyncio.run(check(Probe(server, "/readyz"))) == ""


def test_other_answer_is_the_reason(server):
    reason = asyncio.run(check(Probe(server, "/draining")))

    assert reason == f"http://127.0.0.1:{server}/draining answers 503"


def test_open_port_is_ready_where_no_path_is_given(server):
    assert asyncio.run(check(Probe(server))) == ""


def test_closed_port_is_the_reason(free_port):
    port = free_port()

    assert asyncio.run(check(Probe(port, "/readyz"))) == f"nothing listens on port {port}"


def test_no_probe_is_ready():
    assert asyncio.run(check(None)) == ""


def test_silence_is_the_reason():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert asyncio.run(check(Probe(port, "/readyz"))) == f"no answer on port {port} within 1 s"


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n", b"x" * 200_000, b"\n", b""])
def test_other_protocol_is_the_reason(said):
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def talk():
            connection, _ = stranger.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(said)

        thread = threading.Thread(target=talk)
        thread.start()
        reason = asyncio.run(check(Probe(stranger.getsockname()[1], "/readyz")))
        thread.join()

    assert reason.endswith("answers something that is not HTTP") or "nothing listens" in reason
