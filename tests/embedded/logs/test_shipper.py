"""Lines of the log files reach a Loki once each; our own store stands in for it."""

import json
import random
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from obskit.embedded.logs._outbox import Outbox
from obskit.embedded.logs._store import Batch, FileState

PLAIN = "not JSON, so its time is when it was read"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "logs"
    made.mkdir()
    return made


@pytest.fixture
def ship(tmp_path, folder, free_port):
    """Run a shipper as a process; it is ended with the test."""
    started = []

    def begin(url):
        port = free_port()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "obskit.embedded.ship", "--home", str(tmp_path / "home")),
                *("--log-dir", str(folder), "--loki-url", url, "--port", str(port)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        process.port = port
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(10)


@pytest.fixture
def refusing(folder):
    """A Loki that answers as it is told to, and remembers what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            lines = [value[1] for stream in json.loads(body)["streams"] for value in stream["values"]]
            server.pushes.append(lines)
            status = server.answer(lines)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"" if status == 204 else b"no room today")

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.pushes = []
    server.answer = lambda _: 204
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def write(folder, numbers, name="orders.1.jsonl"):
    with (folder / name).open("a") as file:
        for number in numbers:
            fields = {"timestamp": f"2026-11-22T00:01:00.{number:06}Z", "level": "info", "service": "orders"}
            file.write(json.dumps({**fields, "environment": "demo", "trace_id": f"{number:032x}"}) + "\n")


def page(process):
    return httpx.get(f"http://127.0.0.1:{process.port}/metrics").text


def test_lines_arrive_as_the_store_itself_would_have_them(store, ship, folder, wait_for):
    write(folder, range(100))
    (folder / "odd.1.jsonl").write_text(PLAIN + "\n")
    ship(f"http://127.0.0.1:{store.port}")
    wait_for(lambda: len(store.lines('{service_name="orders"}')) == 100, "the lines arrive", within_s=60)
    labels, _ = store.lines('{service_name="orders"} | trace_id="' + f"{7:032x}" + '"')[0]
    assert labels == {
        "service_name": "orders",
        "environment": "demo",
        "level": "info",
        "trace_id": f"{7:032x}",
    }

    def services():
        return store.client.get("/loki/api/v1/label/service_name/values").json()["data"]

    wait_for(lambda: services() == ["odd"], "the plain line arrives, at the time of today", within_s=60)


def test_kills_lose_and_double_nothing(store, ship, folder, wait_for):
    chance = random.Random(7)
    url = f"http://127.0.0.1:{store.port}"
    for kill in range(5):
        process = ship(url)
        write(folder, range(kill * 2_000, kill * 2_000 + 1_000))
        wait_for(lambda kill=kill: total(store) > kill * 2_000 - 2_000, "it ships", within_s=60)
        write(folder, range(kill * 2_000 + 1_000, kill * 2_000 + 2_000))
        threading.Event().wait(chance.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    ship(url)
    wait_for(lambda: total(store) >= 10_000, "every line arrives", within_s=60)
    assert total(store) == 10_000


def total(store):
    found = store.value('sum(count_over_time({service_name="orders"}[10m]))')
    return int(found[0][1]) if found else 0


def test_waits_for_a_loki_that_fails_and_says_so(refusing, ship, folder, wait_for):
    refusing.answer = lambda _: 503
    write(folder, range(10))
    process = ship(refusing.url)
    wait_for(lambda: len(refusing.pushes) >= 2, "it tries again", within_s=60)
    assert 'obskit_ship_pushes_total{outcome="failed"' in page(process)
    health = httpx.get(f"http://127.0.0.1:{process.port}/readyz")
    assert health.status_code == 200
    assert health.json()["checks"]["loki"]["status"] == "degraded"
    refusing.answer = lambda _: 204
    before = len(refusing.pushes)
    wait_for(lambda: len(refusing.pushes) > before, "it goes on", within_s=60)
    assert [len(lines) for lines in refusing.pushes] == [10] * len(refusing.pushes)


def test_lines_that_are_refused_for_good_hold_nothing_up(refusing, ship, folder, wait_for):
    refusing.answer = lambda lines: 400 if any(PLAIN in line for line in lines) else 204
    (folder / "bad.1.jsonl").write_text(PLAIN + "\n")
    write(folder, range(10))
    ship(refusing.url)
    wait_for(lambda: any(len(lines) == 10 for lines in refusing.pushes), "the good lines arrive", within_s=60)


def test_sends_the_same_bytes_again_after_a_crash(tmp_path):
    batch = [Batch('{"a":"b"}', [(1, "line", '{"trace_id":"7"}')])]
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.append_file(batch, FileState(1, 2, 5, b"line\n")).result()
    sent = outbox.next(0)
    outbox.close()

    again = Outbox(tmp_path / "outbox.db")

    assert again.next(0) == sent
    assert again.files() == [FileState(1, 2, 5, b"line\n")]
    again.remove(sent)
    assert again.waiting_bytes == 0
    assert again.next(0) is None
    again.close()


def test_parcels_go_together_or_alone(tmp_path):
    outbox = Outbox(tmp_path / "outbox.db")
    for number in range(3):
        outbox.append_file([Batch('{"a":"b"}', [(number, "x", None)])], FileState(1, 2, number, b""))
    assert outbox.next(0).lines == 3
    assert outbox.next(0, alone=True).lines == 1
    outbox.remove(outbox.next(0))
    assert outbox.waiting_bytes == 0
    outbox.close()


def test_an_address_that_is_none_is_misuse(tmp_path):
    refused = subprocess.run(
        [sys.executable, "-m", "obskit.embedded.ship", "--home", "x", "--log-dir", "y", "--loki-url", "loki"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "invalid address value" in refused.stderr
