"""``python -m obskit.embedded`` as a process: three ports, one end."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from obskit.embedded import __main__ as embedded
from obskit.embedded import _serving, logs, traces


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    loki: httpx.Client
    tempo: httpx.Client
    otlp: httpx.Client
    output: Path


@pytest.fixture
def start(tmp_path, free_port, wait_for):
    started = []

    def begin(
        *arguments: str, home: Path | None = None, listening: Sequence[str] = ("loki", "tempo", "otlp")
    ) -> Running:
        ports = [free_port() for _ in range(3)]
        names = [f"--{name}-port={port}" for name, port in zip(("loki", "tempo", "otlp"), ports, strict=True)]
        output = tmp_path / f"out-{len(started)}"
        with output.open("wb") as out:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "obskit.embedded", "--home", str(home or tmp_path / "home")),
                    *names,
                    *arguments,
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OBSKIT_LOG_FORMAT": "json"},
            )
        clients = [
            httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=False, timeout=20) for port in ports
        ]
        running = Running(process, *clients, output)
        started.append(running)

        def is_ready() -> bool:
            assert process.poll() is None, output.read_text()
            try:
                return all(getattr(running, name).get("/readyz").status_code == 200 for name in listening)
            except httpx.TransportError:
                return False

        wait_for(is_ready, "the backend is ready", within_s=60)
        return running

    yield begin
    for running in started:
        for client in (running.loki, running.tempo, running.otlp):
            client.close()
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait(10)


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "obskit.embedded", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_takes_logs_and_traces_and_answers_both_apis(start, tmp_path, wait_for):
    folder = tmp_path / "logs"
    folder.mkdir()
    backend = start("--log-dir", str(folder))
    (folder / "orders.1.jsonl").write_text('{"service":"orders","level":"info","event":"a.b"}\n')

    def tailed():
        params = {"query": '{service_name="orders"}'}
        return backend.loki.get("/loki/api/v1/query_range", params=params).json()["data"]["result"]

    assert wait_for(tailed, "the line is there")[0]["stream"]["level"] == "info"
    log = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}]}]}]}
    assert backend.otlp.post("/v1/logs", json=log).status_code == 200
    assert backend.otlp.post("/v1/traces", json={"resourceSpans": []}).status_code == 200
    assert 'service_name="embedded"' in backend.loki.get("/metrics").text
    assert 'service_name="embedded"' in backend.tempo.get("/metrics").text
    assert backend.loki.get("/ready").status_code == 200


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_ends_when_it_is_told_to(start, signum):
    backend = start()
    backend.process.send_signal(signum)
    assert backend.process.wait(60) == 0
    assert "Traceback" not in backend.output.read_text()


def test_listeners_are_named_tcp():
    """Or asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for an ACK."""
    with _serving.listen(0, "--port") as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_writes_an_access_line_for_a_query(start, wait_for):
    backend = start()
    backend.loki.get("/loki/api/v1/labels")

    def routes():
        lines = [json.loads(line) for line in backend.output.read_text().splitlines() if line.startswith("{")]
        return [line.get("route") for line in lines if line["event"] == "http.request"]

    wait_for(lambda: "/loki/api/v1/labels" in routes(), "the access line is written")


def test_a_second_process_on_one_home_is_refused(start, tmp_path):
    start()
    refused = run(
        "--home", str(tmp_path / "home"), "--loki-port", "0", "--tempo-port", "0", "--otlp-port", "0"
    )
    assert refused.returncode == 1
    assert "another process writes to it" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = run("--home", str(tmp_path), "--loki-port", port, "--tempo-port", "0", "--otlp-port", "0")
    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in refused.stderr
    assert "--loki-port" in refused.stderr


def test_a_file_that_is_no_store_is_named(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "logs.db").write_bytes(b"this is no database, however long it may be" * 100)
    refused = run("--home", str(tmp_path), "--loki-port", "0", "--tempo-port", "0", "--otlp-port", "0")
    assert refused.returncode == 1
    assert "mv " in refused.stderr


@pytest.mark.parametrize(
    "arguments", [["--home"], ["--home", "x", "--loki-port", "99999"], ["--home", "x", "--keep-mb", "0"]]
)
def test_misuse_is_explained(arguments):
    refused = run(*arguments)
    assert refused.returncode == 2
    assert "usage:" in refused.stderr


def test_retention_reaches_both_stores(tmp_path):
    options = embedded._options(["--home", str(tmp_path), "--keep-days", "1.5", "--keep-mb", "77"])
    backends = embedded._Backends.of(options)
    try:
        assert backends.logs.store._cleaner._retention == logs.Retention(days=1.5, max_bytes=77_000_000)
        assert backends.traces._writer._retention == traces.Retention(days=1.5, max_bytes=77_000_000)
    finally:
        backends.close()


@pytest.mark.parametrize(("left_out", "there"), [("logs", ["tempo", "otlp"]), ("traces", ["loki"])])
def test_one_side_can_be_left_out(start, left_out, there):
    backend = start("--without", left_out, listening=there)
    assert backend.process.poll() is None
    for name in {"loki", "tempo", "otlp"} - set(there):
        with pytest.raises(httpx.ConnectError):
            getattr(backend, name).get("/ready")


def test_leaving_out_both_is_misuse(tmp_path):
    refused = run("--home", str(tmp_path), "--without", "logs", "--without", "traces")
    assert refused.returncode == 2
    assert "nothing to run" in refused.stderr


def test_help_has_an_example():
    assert "example: python -m obskit.embedded" in run("--help").stdout
