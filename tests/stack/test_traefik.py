"""The door: Traefik as the stack configures it, in front of two real servers."""

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from obskit import stack
from obskit.stack._binaries import require
from obskit.stack._certificate import ensure_certificate
from obskit.stack._traefik import expire, expiring_config, traefik_spec

REPLICA = """
import os, sys
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
import uvicorn

async def show(request):
    seen = {"path": request.url.path, "raw": request.scope["raw_path"].decode(), "scheme": request.url.scheme}
    trace = request.headers.get("traceparent")
    return JSONResponse({"pid": os.getpid(), "client": request.client.host, "traceparent": trace, **seen})

methods = ["GET", "POST"]
uvicorn.run(Starlette(routes=[Route("/{path:path}", show, methods=methods)]), port=int(sys.argv[1]), log_level="error")
"""


def take_ports(names):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}
    for probe in probes:
        probe.close()
    return ports


def wait_for(condition, what, within_s=30.0):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)


class Door:
    """Traefik and two replicas that tell who answered."""

    def __init__(self, home, ports):
        self.home, self.ports = home, ports
        self.processes = {}
        self.spec = traefik_spec(home, require()["traefik"], ports)
        self.script = home.root / "replica.py"
        self.script.write_text(REPLICA)
        self.certificate, _ = ensure_certificate(home)

    def start(self, name):
        port = str(self.ports.get(name))
        command = self.spec.argv if name == "traefik" else (sys.executable, str(self.script), port)
        with (self.home.root / f"{name}.out").open("ab") as output:
            self.processes[name] = subprocess.Popen(command, stdout=output, stderr=output)

    def kill(self, name, number=signal.SIGKILL):
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(15)

    def url(self, name="traefik", scheme="http"):
        return f"{scheme}://127.0.0.1:{self.ports[name]}"

    def get(self, path, **options):
        return httpx.get(f"{self.url()}{path}", trust_env=False, timeout=30, **options)

    def answering(self):
        """The replicas that answer eight requests in a row, by their process id."""
        answers = [self.get("/api/x") for _ in range(8)]
        return {answer.json()["pid"] for answer in answers if answer.status_code == 200}

    def pids(self):
        return {self.processes[name].pid for name in ("gateway", "gateway-2") if name in self.processes}

    def wait_both(self):
        def both():
            with contextlib.suppress(httpx.TransportError):
                return self.answering() == self.pids()
            return False

        wait_for(both, "both replicas behind the door", within_s=60)


@pytest.fixture(scope="module")
def running_door(tmp_path_factory):
    home = stack.Home.at(tmp_path_factory.mktemp("door") / "home")
    home.create()
    names = ("traefik", "traefik-tls", "traefik-admin", "gateway", "gateway-2", "otlp")
    door = Door(home, take_ports(names))
    for name in ("gateway", "gateway-2", "traefik"):
        door.start(name)
    yield door
    for name in list(door.processes):
        door.kill(name, signal.SIGTERM)


@pytest.fixture
def door(running_door):
    running_door.wait_both()
    return running_door


def test_requests_go_to_both_replicas(door):
    assert len(door.answering()) == 2


def test_https_is_served_with_a_certificate_that_a_strict_client_can_check(door):
    context = ssl.create_default_context(cafile=door.certificate)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    url = f"https://localhost:{door.ports['traefik-tls']}/api/x"
    with httpx.Client(verify=context, trust_env=False) as client:
        answer = client.get(url)
        assert answer.json()["scheme"] == "https", "the gateway is told what the caller typed"
    with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False) as stranger:
        stranger.get(url)


@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "/livez", "/readyz", "/admin/faults", "/openapi.json", "/docs", "/", "/apix"),
        *(
            "/api/../metrics",
            "/api/%2e%2e/metrics",
            "/api/..%2fmetrics",
            "//metrics",
            "/api/./../admin/faults",
        ),
        *(
            "/api/x/../../readyz",
            "/%6detrics",
            "/api;/../metrics",
            "/api/%2e%2e%2fadmin/faults",
            "/api\\..\\metrics",
        ),
    ],
)
def test_nothing_but_the_api_is_reached_through_the_door(door, path):
    with httpx.Client(trust_env=False) as client:
        request = client.build_request("GET", door.url())
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = client.send(request)
    # Refused by Traefik, or at the replica under a path that is still below /api/ and no other.
    if answer.status_code == 200:
        assert answer.json()["path"].startswith("/api/")
        assert not answer.json()["path"].startswith(("/api/../", "/api/./"))
    else:
        assert answer.status_code in {400, 404}


def test_host_header_opens_no_other_door(door):
    for host in ("gateway", "localhost:8102", f"127.0.0.1:{door.ports['gateway']}"):
        assert door.get("/metrics", headers={"Host": host}).status_code == 404


def test_caller_cannot_say_that_it_is_somebody_else(door):
    answer = door.get("/api/x", headers={"X-Forwarded-For": "203.0.113.9", "X-Real-Ip": "203.0.113.9"})
    assert answer.json()["client"] == "127.0.0.1"


def test_dead_replica_is_taken_out_and_fails_hardly_a_request(door):
    statuses, stop = [], threading.Event()

    def load():
        with httpx.Client(base_url=door.url(), trust_env=False, timeout=30) as client:
            while not stop.is_set():
                try:
                    statuses.append(client.post("/api/x", json={}).status_code)
                except (
                    httpx.RemoteProtocolError
                ):  # an answer that had begun when the replica died: Traefik hangs up
                    statuses.append(0)
                time.sleep(0.005)  # the pace of the load, not a wait for anything

    callers = [threading.Thread(target=load) for _ in range(2)]
    for caller in callers:
        caller.start()
    wait_for(lambda: len(statuses) > 50, "some load", within_s=30)
    door.kill("gateway-2")
    seen = len(statuses)
    wait_for(lambda: len(statuses) > seen + 200, "load on one replica", within_s=60)
    door.start("gateway-2")
    door.wait_both()
    stop.set()
    for caller in callers:
        caller.join()
    failed = [status for status in statuses if status != 200]
    # What the replica had in hand when it died, at most one request a caller.
    assert len(failed) <= 2, failed


def test_no_replica_is_a_503_and_no_hang(door):
    door.kill("gateway")
    door.kill("gateway-2")
    try:
        wait_for(lambda: door.get("/api/x").status_code == 503, "no replica left", within_s=30)
    finally:
        door.start("gateway")
        door.start("gateway-2")


def test_trace_of_the_caller_goes_through(door):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = door.get("/api/x", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    _, passed, span, _ = answer.json()["traceparent"].split("-")
    assert passed == trace
    assert span != "00f067aa0ba902b7", "Traefik's own span is in between"


def test_metrics_and_page_are_on_the_admin_port_only(door):
    door.answering()
    page = httpx.get(f"{door.url('traefik-admin')}/metrics", trust_env=False).text
    assert 'traefik_service_requests_total{code="200"' in page
    assert "traefik_tls_certs_not_after" in page
    assert httpx.get(f"{door.url('traefik-admin')}/api/overview", trust_env=False).status_code == 200
    assert door.get("/api/overview").json()["pid"], "below /api/ the gateways answer, not Traefik"


def test_every_port_is_on_loopback(door):
    config = (door.home.root / "traefik" / "traefik.yaml").read_text()
    addresses = [line.partition(":")[2].strip() for line in config.splitlines() if "address" in line]
    assert len(addresses) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_certificate_is_kept_while_it_is_good_and_renewed_before_its_end(tmp_path, monkeypatch):
    home = stack.Home.at(tmp_path / "home")
    home.create()
    certificate, key = ensure_certificate(home)
    first = certificate.read_bytes()
    assert ensure_certificate(home)[0].read_bytes() == first
    assert key.stat().st_mode & 0o777 == 0o600
    found = x509.load_pem_x509_certificate(first)
    assert timedelta(days=89) < found.not_valid_after_utc - datetime.now(UTC) < timedelta(days=91)

    monkeypatch.setattr("obskit.stack._certificate._RENEW_DAYS", 91)
    ensure_certificate(home)
    assert certificate.read_bytes() != first


@pytest.mark.parametrize("damage", ["", "nonsense"])
def test_certificate_that_cannot_be_read_is_made_anew(tmp_path, damage):
    home = stack.Home.at(tmp_path / "home")
    home.create()
    certificate, _ = ensure_certificate(home)
    certificate.write_text(damage)
    ensure_certificate(home)
    assert x509.load_pem_x509_certificate(certificate.read_bytes())


def test_spans_go_to_the_store_of_the_stack(tmp_path):
    home = stack.Home.at(tmp_path / "home")
    home.create()
    ports = {port.name: port.default for port in stack.PORTS}
    traefik_spec(home, "/usr/bin/traefik", ports)
    config = (home.root / "traefik" / "traefik.yaml").read_text()
    assert f"http://127.0.0.1:{ports['otlp']}/v1/traces" in config
    assert json.dumps(Path(home.root / "traefik" / "routes.yaml").read_text()).count("PathPrefix") == 2


def test_certificate_that_nobody_renewed_ends_soon_and_is_trusted_until_then(tmp_path):
    home = stack.Home.at(tmp_path / "home")
    home.create()
    ports = take_ports(("traefik", "traefik-tls", "traefik-admin", "gateway", "gateway-2", "otlp"))
    traefik_spec(home, require()["traefik"], ports)
    trusted, _ = ensure_certificate(home)

    expire(home, 50)

    process = subprocess.Popen(
        [require()["traefik"], f"--configFile={expiring_config(home)}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        context = ssl.create_default_context(cafile=str(trusted))
        served = []

        def is_served():
            door = ("127.0.0.1", ports["traefik-tls"])
            with (
                contextlib.suppress(OSError),
                socket.create_connection(door, timeout=5) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as connection,
            ):
                served.append(connection.getpeercert(binary_form=True))
            return served

        wait_for(is_served, "a strict client is served")
    finally:
        process.kill()
        process.wait(15)
    left = x509.load_der_x509_certificate(served[0]).not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=6) < left < timedelta(days=7)
    own = x509.load_pem_x509_certificate(trusted.read_bytes())
    assert own.not_valid_after_utc - datetime.now(UTC) > timedelta(days=80)
