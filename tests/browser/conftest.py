"""One console for all tests here, in front of real parts: Prometheus with two hours of history,
Alertmanager, the pager and the embedded stores; and the system's Chromium to look at it.

What anybody may write into a log line, a label, a span or an incident is hostile here: HTML that
would set ``window.pwned``.
"""

import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
DEADLINE_S = 90
TRACE = "1bf7651916cd43dd8448eb211c80319c"


@dataclass(frozen=True)
class Running:
    """Where everything answers, and how to write into it."""

    home: Path
    ports: dict[str, int]
    start: int
    """Unix seconds at which the second hour of the history begins."""

    def url(self, name, path=""):
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    @property
    def token(self):
        return (self.home / "secrets" / "admin_token").read_text()

    def log(self, *lines, at=None):
        """Write *lines*, JSON objects, into the log store."""
        moment = at or time.time()
        streams = [
            {
                "stream": {"service_name": line["service"], "environment": "demo", "level": line["level"]},
                "values": [[f"{moment * 1e9:.0f}", json.dumps(line), _metadata(line)]],
            }
            for line in lines
        ]
        httpx.post(self.url("loki", "/loki/api/v1/push"), json={"streams": streams}).raise_for_status()

    def trace(self, trace_id, at=None, name="POST /api/orders"):
        """Write a failed trace of two services into the trace store."""
        begin = int((at or time.time()) * 1e9)
        spans = (
            ("gateway", "a" * 16, "", name, 2, 0, 90),
            ("orders", "b" * 16, "a" * 16, f"POST /orders {HOSTILE}", 2, 10, 80),
            ("orders", "c" * 16, "b" * 16, "publish orders.created", 4, 60, 70),
        )
        body = {"resourceSpans": [_batch(trace_id, begin, *span) for span in spans]}
        httpx.post(self.url("otlp", "/v1/traces"), json=body).raise_for_status()

    def incident(self, title, **details):
        """Open an incident and return its id."""
        event = {
            "routing_key": (self.home / "secrets" / "routing_key").read_text(),
            "event_action": "trigger",
            "dedup_key": secrets.token_hex(8),
            "payload": {
                "summary": title,
                "source": "gateway",
                "severity": "critical",
                "custom_details": details,
            },
            "links": [
                {"href": "http://127.0.0.1:8600/d/obskit-service?var-service=gateway", "text": "Dashboard"}
            ],
        }
        httpx.post(self.url("pager", "/v2/enqueue"), json=event).raise_for_status()
        found = httpx.get(self.url("pager", "/v1/incidents")).json()["incidents"]
        return next(each["id"] for each in found if each["dedup_key"] == event["dedup_key"])

    def find_incident(self, key):
        return httpx.get(self.url("pager", f"/v1/incidents/{key}")).json()


def _metadata(line):
    return {name: line[name] for name in ("trace_id", "span_id") if name in line}


def _batch(trace_id, begin, service, span_id, parent, name, kind, start_ms, end_ms):  # noqa: PLR0917
    attributes = [{"key": "http.route", "value": {"stringValue": HOSTILE}}]
    span = {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(begin + start_ms * 1_000_000),
        "endTimeUnixNano": str(begin + end_ms * 1_000_000),
        "attributes": attributes,
        "status": {"code": 2},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resource": resource, "scopeSpans": [{"spans": [span]}]}


def free_ports(*names):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}
    for probe in probes:
        probe.close()
    return ports


def boards_history():
    """The history that the boards are tested with: what fills their panels fills those of the console."""
    folder = Path(__file__).parent.parent / "boards"
    spec = importlib.util.spec_from_file_location("boards_history", folder / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module.History().read(folder / "data" / "history.yaml").text()


def hostile_history(start):
    """An hour of a service whose name is HTML."""
    name = HOSTILE.replace('"', '\\"')
    labels = f'{{service_name="{name}",instance="evil:80",job="obskit"}}'
    lines = [
        f"{name}{labels} {value} {start + step * 30}"
        for name, value in (("up", 1), ("process_resident_memory_bytes", 1e7))
        for step in range(120)
    ]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    home = tmp_path_factory.mktemp("console")
    for folder in ("secrets", "data", "logs"):
        (home / folder).mkdir()
    (home / "secrets" / "admin_token").write_text(secrets.token_hex(16))
    (home / "secrets" / "routing_key").write_text(secrets.token_hex(16))
    ports = free_ports("prometheus", "alertmanager", "pager", "loki", "tempo", "otlp", "console", "inventory")
    boards, text = boards_history()
    start = boards.HEALTHY
    with ExitStack() as stack:
        for name, command in commands(home, ports, [text, hostile_history(start)]).items():
            stack.enter_context(process(home / f"{name}.out", command))
        found = Running(home, ports, start)
        for name, path in (
            ("prometheus", "/-/ready"),
            ("alertmanager", "/-/ready"),
            ("pager", "/readyz"),
            ("loki", "/ready"),
            ("console", "/readyz"),
            ("inventory", "/docs"),
        ):
            wait_until_ready(found.url(name, path), home)
        httpx.post(found.url("loki", "/loki/api/v1/push"), json=boards.lines()).raise_for_status()
        httpx.post(found.url("otlp", "/v1/traces"), json=boards.spans()).raise_for_status()
        fill(found)
        yield found


def commands(home, ports, histories):
    for history in histories:
        (home / "history.txt").write_text(history)
        create = [
            "promtool",
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            home / "history.txt",
            home / "tsdb",
        ]
        subprocess.run(create, check=True, capture_output=True)
    (home / "rules.yml").write_text((HERE / "rules.yaml").read_text().replace("HOSTILE", HOSTILE))
    (home / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"evaluation_interval": "1s", "scrape_interval": "30s"},
                "rule_files": [str(home / "rules.yml")],
                "scrape_configs": [
                    {
                        "job_name": "exemplary",
                        "scrape_interval": "1s",
                        "honor_labels": True,
                        "static_configs": [{"targets": [f"127.0.0.1:{ports['inventory']}"]}],
                    }
                ],
            }
        )
    )
    shutil.copyfile(HERE / "pager.yaml", home / "pager.yaml")
    (home / "alertmanager.yml").write_text(
        json.dumps({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]})
    )
    python = [sys.executable, "-m"]
    url = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    return {
        "prometheus": [
            shutil.which("prometheus"),
            f"--config.file={home / 'prometheus.yml'}",
            f"--storage.tsdb.path={home / 'tsdb'}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
            "--enable-feature=exemplar-storage",
        ],
        "alertmanager": [
            shutil.which("prometheus-alertmanager") or shutil.which("alertmanager"),
            f"--config.file={home / 'alertmanager.yml'}",
            f"--storage.path={home / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
            "--cluster.listen-address=",
        ],
        "pager": [*python, "obskit.pager", f"--home={home}", f"--port={ports['pager']}"],
        "embedded": [
            *(*python, "obskit.embedded", f"--home={home}", f"--log-dir={home / 'logs'}"),
            *(f"--{name}-port={ports[name]}" for name in ("loki", "tempo", "otlp")),
        ],
        "inventory": [
            *(*python, "uvicorn", "--factory", "faulty:create_app", f"--port={ports['inventory']}"),
            *("--app-dir", str(Path(__file__).parent)),
        ],
        "console": [
            *(*python, "obskit.console", f"--home={home}", f"--port={ports['console']}"),
            *(f"--{name}-url={url[name]}" for name in ("prometheus", "alertmanager", "pager")),
            *(f"--logs-url={url['loki']}", f"--traces-url={url['tempo']}"),
            f"--service=inventory={url['inventory']}",
        ],
    }


class process:  # noqa: N801 - reads as a verb where it is used
    """A process that ends with the block; its output is in a file."""

    def __init__(self, output, command):
        self._output = output.open("w")
        self._command = command

    def __enter__(self):
        out, folder = self._output, Path(self._output.name).parent
        token = (folder / "secrets" / "admin_token").read_text()
        env = {**os.environ, "FAULTS_TOKEN": token, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(self._command, stdout=out, stderr=out, cwd=folder, env=env)
        return self._process

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


def wait_until_ready(url, home):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=30).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url}: " + "".join(path.read_text()[-2000:] for path in home.glob("*.out")))


def fill(running):
    """Lines and a trace in the hour of the history, and in the last minutes."""
    for at, trace_id in ((running.start + 1800, TRACE), (time.time() - 20, "2" + TRACE[1:])):
        running.trace(trace_id, at)
        head = {"trace_id": trace_id, "span_id": "b" * 16, "environment": "demo"}
        running.log(
            {**head, "service": "orders", "level": "error", "event": "stock.refused", "reason": HOSTILE},
            {
                **head,
                "service": "gateway",
                "level": "warning",
                "event": f"dependency.failed {HOSTILE}",
                "exception": {"type": "StockError", "message": HOSTILE, "stacktrace": HOSTILE},
            },
            {**head, "service": "gateway", "level": "info", "event": "http.request", "duration_ms": 90},
            at=at,
        )


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


class Tab:
    """One tab: what its page says to the developer's console is kept, and time is given for answers."""

    def __init__(self, context, running):
        self.page = context.new_page()
        self.page.set_default_timeout(DEADLINE_S * 1000)
        self.errors = []
        self._running = running
        self.page.on("console", lambda said: said.type == "error" and self._note(said.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, text):
        # A container of somebody else came or went: the browser asks again by itself.
        if "ERR_NETWORK_CHANGED" not in text:
            self.errors.append(text)

    def open(self, path):
        self.page.goto(self._running.url("console", path))
        self.settle()

    def settle(self):
        """Wait until nothing is being read any more."""
        self.page.wait_for_function(
            """() => document.querySelector('.body')
                && !document.querySelector('[data-state=reading]')
                && ![...document.querySelectorAll('.empty')].some(each => each.textContent === 'reading')"""
        )

    @property
    def text(self):
        return self.page.inner_text("body")

    @property
    def is_pwned(self):
        return self.page.evaluate("() => window.pwned") is not None


@pytest.fixture(scope="session")
def cached(browser):
    """One cache for all tests: each would load and compile the same scripts again."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


@pytest.fixture
def context(cached):
    """The browser as nobody has signed in, with no page open."""
    cached.clear_cookies()
    yield cached
    for page in cached.pages:
        page.close()


@pytest.fixture
def tab(context, running):
    return Tab(context, running)


@pytest.fixture
def signed_in(tab, running):
    tab.open("/sign-in?next=/incidents")
    tab.page.fill("input[name=token]", running.token)
    tab.page.click("button[type=submit]")
    tab.page.wait_for_url("**/incidents**")
    return tab


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Where pictures of pages go: test output, to be looked at."""
    return tmp_path_factory.mktemp("pictures")
