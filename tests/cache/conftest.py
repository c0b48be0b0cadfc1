"""A real Redis, one for the tests of this folder and process."""

import shutil
import socket
import subprocess

import pytest


class Server:
    """A redis-server on a free port of loopback that a test may stop and start again."""

    def __init__(self, folder):
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process = None

    def start(self, wait_for):
        binary = shutil.which("redis-server")
        assert binary, "redis-server is not installed; run: apt-get install redis-server"
        command = [
            binary,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, "redis-server answers")

    def answers(self):
        assert self._process.poll() is None, "redis-server ended at start"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


@pytest.fixture
def redis(tmp_path, wait_for):
    server = Server(tmp_path)
    server.start(wait_for)
    yield server
    server.stop()
