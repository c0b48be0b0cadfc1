"""The sample services as real processes: NATS with JetStream, three services, a sink for spans."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import nats
import pytest
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-the-tests-only"
SERVICES = ("users", "payments", "inventory", "orders", "gateway")


MAIL = ("smtp", "notifications", "notifications-2", "notifications-3")
"""Started by the tests of mail only."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, within_s=90.0):
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.02)
    return answer


class SpanSink:
    """An OTLP/HTTP collector that keeps the spans it is sent, as the JSON has them."""

    def __init__(self):
        self.spans = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink.keep(body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def keep(self, body):
        for resource in body["resourceSpans"]:
            service = attributes(resource["resource"])["service.name"]
            for scope in resource["scopeSpans"]:
                self.spans += [
                    {**span, "service": service, "attributes": attributes(span)} for span in scope["spans"]
                ]

    def of(self, trace_id, name=None):
        return [
            span for span in list(self.spans) if span["traceId"] == trace_id and name in (None, span["name"])
        ]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def attributes(holder):
    return {item["key"]: next(iter(item["value"].values())) for item in holder.get("attributes", [])}


class Fleet:
    """Starts, stops and asks the processes of one set of sample services."""

    def __init__(self, home, sink):
        self.home = home
        self.sink = sink
        self.ports = {name: free_port() for name in (*SERVICES, *MAIL, "provider", "nats")}
        self.token = TOKEN
        self._processes = {}
        (home / "token").write_text(TOKEN)
        self.http = httpx.Client(timeout=30, trust_env=False)

    def url(self, name):
        scheme = name if name in ("nats", "smtp") else "http"
        return f"{scheme}://127.0.0.1:{self.ports[name]}"

    def environment(self):
        # A service must not take the test's process for its own: failures stay swallowed as in production.
        inherited = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
        return inherited | {
            "OBSKIT_HOME": str(self.home),
            "OBSKIT_LOG_DIR": str(self.home / "logs"),
            "OBSKIT_ENVIRONMENT": "test",
            "OBSKIT_FAULTS_TOKEN_FILE": str(self.home / "token"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.sink.url,
            **{f"{name.upper()}_URL": self.url(name) for name in (*SERVICES, "provider")},
            "NATS_URL": self.url("nats"),
            "SMTP_URL": self.url("smtp"),
            "ORDERS_REPORT_S": "0.5",
            "GATEWAY_LOGIN_LIMIT": "100/second",  # all tests come from one address
        }

    free_port = staticmethod(free_port)

    def start(self, name, *options, **environment):
        if name == "smtp":
            place = ["--port", str(self.ports[name]), "--ledger", str(self.home / "ledger"), *options]
            command = [sys.executable, "-m", "sample_services.smtp", *place]
        elif name == "nats":
            binary = Path(sys.executable).with_name("nats-server")
            store = str(self.home / "nats")
            command = [binary, "-a", "127.0.0.1", "-p", str(self.ports[name]), "-js", "-sd", store]
        else:
            module = "payments.provider" if name == "provider" else f"{name.partition('-')[0]}.app"
            app = f"sample_services.{module}:create_app"
            server = ["--http", "httptools", "--loop", "uvloop", "--no-access-log"]
            place = ["--host", "127.0.0.1", "--port", str(self.ports[name])]
            command = [sys.executable, "-m", "uvicorn", "--factory", app, *place, *server]
        output = (self.home / f"{name}.out").open("ab")
        with output:
            self._processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.environment() | environment, stdout=output, stderr=output
            )

    def stop(self, name, number=signal.SIGTERM):
        process = self._processes.pop(name)
        process.send_signal(number)
        process.wait(60)

    def forget(self, name):
        """Let a process be started again that has ended."""
        self._processes.pop(name, None)

    def is_running(self, name):
        return name in self._processes and self._processes[name].poll() is None

    def wait_ready(self):
        """Start what does not run, and wait until every service is ready."""
        for name in ("nats", "provider", *SERVICES):
            if not self.is_running(name):
                self._processes.pop(name, None)
                self.start(name)
        for name in SERVICES:
            wait_until(lambda name=name: self.is_ready(name), f"{name} ready: {self.output(name)}", 120)
        # Every call of a test is made by somebody, as in life.
        self.http.headers["Authorization"] = f"Bearer {self.log_in('alice').json()['access_token']}"

    def password(self, name):
        return json.loads((self.home / "secrets" / "demo_users.json").read_text())[name]

    def log_in(self, name, password=None, client=None):
        body = {"name": name, "password": password or self.password(name)}
        url = f"{self.url('gateway')}/api/auth/login"
        # Cookies of a login are for who asked for them: the shared client keeps none.
        if client is not None:
            return client.post(url, json=body)
        return httpx.post(url, json=body, timeout=30, trust_env=False)

    def is_ready(self, name):
        return self._is_well(name, "/readyz")

    def is_alive(self, name):
        return self._is_well(name, "/livez")

    def _is_well(self, name, path):
        with contextlib.suppress(httpx.TransportError):
            return self.http.get(f"{self.url(name)}{path}").status_code == 200
        return False

    def output(self, name):
        return (self.home / f"{name}.out").read_text()[-2000:]

    def close(self):
        for name in reversed(list(self._processes)):
            self.stop(name)
        self.http.close()

    def place(self, mode, *, sku="TEA-GREEN", quantity=1, key=None, **headers):
        if key is not None:
            headers["Idempotency-Key"] = key
        body = {"sku": sku, "quantity": quantity}
        url = f"{self.url('gateway')}/api/orders"
        return self.http.post(url, params={"mode": mode}, json=body, headers=headers)

    def order(self, order_id):
        return self.http.get(f"{self.url('gateway')}/api/orders/{order_id}").json()

    def wait_state(self, order_id, state):
        wait_until(
            lambda: self.order(order_id).get("state") == state, f"{order_id} {state}: {self.order(order_id)}"
        )

    def available(self, sku):
        return self.http.get(f"{self.url('inventory')}/stock/{sku}").json()["available"]

    def fault(self, method, path="", *, service="inventory", token=TOKEN, **options):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.request(
            method, f"{self.url(service)}/admin/faults{path}", headers=headers, **options
        )

    def mend(self):
        """Turn every fault off that is on."""
        for service in (*SERVICES, "notifications"):
            if self.is_running(service) and self.is_alive(service):
                for row in self.fault("GET", service=service).json()["faults"]:
                    if row["level"]:
                        self.fault("DELETE", f"/{row['id']}", service=service)

    def samples(self, service, name, **labels):
        """Return the values of a metric on the page of *service* that have these labels."""
        families = text_string_to_metric_families(self.http.get(f"{self.url(service)}/metrics").text)
        return [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def dead_letters(self, consumer, subject):
        """Return the bodies of the messages that *consumer* has given up."""

        async def read():
            client = await nats.connect(self.url("nats"))
            try:
                jetstream = client.jetstream()
                config = nats.js.api.ConsumerConfig(ack_policy="none")
                found = await jetstream.pull_subscribe(f"dead.{consumer}.{subject}", config=config)
                return [json.loads(message.data) for message in await found.fetch(100, timeout=2)]
            finally:
                await client.close()

        return asyncio.run(read())

    def lines(self, **fields):
        """Return the log lines of all services that have these fields."""
        found = []
        for path in sorted((self.home / "logs").glob("*.jsonl")):
            for text in path.read_text().splitlines():
                line = json.loads(text)
                if all(line.get(name) == value for name, value in fields.items()):
                    found.append(line)
        return found

    def wait_lines(self, count=1, **fields):
        wait_until(lambda: len(self.lines(**fields)) >= count, f"{count} log lines with {fields}")
        return self.lines(**fields)


@pytest.fixture(scope="session")
def running_fleet(tmp_path_factory):
    sink = SpanSink()
    fleet = Fleet(tmp_path_factory.mktemp("fleet"), sink)
    try:
        fleet.wait_ready()
        yield fleet
    finally:
        fleet.close()
        sink.close()


@pytest.fixture(scope="session")
def make_fleet(tmp_path_factory):
    """Give sets of their own of which nothing runs yet."""
    fleets = []

    def make():
        fleets.append(Fleet(tmp_path_factory.mktemp("fleet"), SpanSink()))
        return fleets[-1]

    yield make
    for fleet in fleets:
        fleet.close()
        fleet.sink.close()


@pytest.fixture
def fleet(running_fleet):
    """All three services and the broker, ready, with no fault on."""
    running_fleet.wait_ready()
    yield running_fleet
    running_fleet.mend()


@pytest.fixture(scope="session")
def until():
    return wait_until
