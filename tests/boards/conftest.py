"""Rendered boards to look at and to break, and stores that hold two hours to ask them of."""

import copy
import json
import math
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from obskit import catalog
from obskit.boards import Moment, Stores, ask_all, boards, render
from obskit.boards._foreign import FOREIGN
from obskit.boards._limits import recorded

STEP_S = 30
HOUR = 3600 // STEP_S
START = 1_790_000_000 - 1_790_000_000 % 7200
BEFORE, HEALTHY, INCIDENT = START - 7200, START + 3600, START + 7200
SCRAPE = {"range_s": 3600, "scrape_s": STEP_S}


@pytest.fixture(scope="session")
def shipped():
    """Every shipped board as Grafana gets it, by name."""
    return {board.name: json.loads(render(board)) for board in boards()}


@pytest.fixture
def service(shipped):
    """A copy of the service board that a test may break."""
    return copy.deepcopy(shipped["service"])


@pytest.fixture
def panel():
    """Find a panel by its title, inside collapsed rows too."""

    def find(board, title):
        inside = [one for row in board["panels"] for one in row.get("panels", [])]
        found = [
            one for one in (*board["panels"], *inside) if one["type"] != "row" and one.get("title") == title
        ]
        assert len(found) == 1, f"{title}: {[one.get('title') for one in found]}"
        return found[0]

    return find


class History:
    """The samples of ``data/history.yaml`` as OpenMetrics text."""

    def __init__(self):
        self._families = {}

    def read(self, path):
        """Add all rows of *path*."""
        for name, rows in yaml.safe_load(path.read_text()).items():
            metric = catalog.METRICS.get(name) or FOREIGN.get(name)
            assert metric is not None or name in recorded(), f"{name} is not in the catalogue"
            for service, *values, healthy, incident in rows:
                names = metric.labels if metric else ("slo",) * len(values)
                labels = dict(zip(names, map(str, values), strict=True))
                self._add(name, metric, self._target(service, name) | labels, healthy, incident)
        return self

    def text(self):
        """Return it all."""
        return "\n".join(line for lines in self._families.values() for line in lines) + "\n# EOF\n"

    @staticmethod
    def _target(service, name):
        target = {"service_name": service}
        return target if ":" in name else {**target, "instance": f"{service}:80", "job": "obskit"}

    def _add(self, name, metric, labels, healthy, incident):
        kind = metric.type if metric else "gauge"
        if kind == "gauge":
            self._write(name, name, labels, [self._value(healthy, incident, n) for n in range(2 * HOUR + 1)])
        elif kind == "counter":
            self._write(name, name, labels, self._sums(healthy, incident))
        else:
            self._histogram(metric, labels, healthy, incident)

    def _histogram(self, metric, labels, healthy, incident):
        for bound in (*(metric.buckets or catalog.SERVER_DURATION.buckets), math.inf):
            within = self._sums(*(count if size <= bound else 0 for count, size in (healthy, incident)))
            le = "+Inf" if bound == math.inf else str(float(bound))
            self._write(metric.name, f"{metric.name}_bucket", {**labels, "le": le}, within)
        self._write(metric.name, f"{metric.name}_count", labels, self._sums(healthy[0], incident[0]))
        spent = self._sums(healthy[0] * healthy[1], incident[0] * incident[1])
        self._write(metric.name, f"{metric.name}_sum", labels, spent)

    @staticmethod
    def _value(healthy, incident, n):
        value = healthy if n <= HOUR else incident
        moments = {"start": START - 60, "fault": HEALTHY}
        if isinstance(value, str):
            return moments[value] if value in moments else START + n * STEP_S - float(value[4:])
        return value

    @staticmethod
    def _sums(healthy, incident):
        """Counts of events; the arguments are events a minute."""
        later = incident * STEP_S / 60
        if healthy is None:  # a series that begins with the incident
            return [None] * (HOUR + 1) + [later * step for step in range(HOUR)]
        each = healthy * STEP_S / 60
        return [each * step for step in range(HOUR)] + [
            each * HOUR + later * step for step in range(HOUR + 1)
        ]

    def _write(self, family, name, labels, values):
        written = ",".join(f'{key}="{value}"' for key, value in labels.items())
        self._families.setdefault(family, []).extend(
            f"{name}{{{written}}} {value:.12g} {START + n * STEP_S}"
            for n, value in enumerate(values)
            if value is not None
        )


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory):
    """Return the address of a Prometheus that holds the two hours."""
    home = tmp_path_factory.mktemp("prometheus")
    history = History().read(Path(__file__).parent / "data" / "history.yaml")
    (home / "history.txt").write_text(history.text())
    create = ["promtool", "tsdb", "create-blocks-from", "openmetrics", home / "history.txt", home / "data"]
    subprocess.run(create, check=True, capture_output=True)
    (home / "prometheus.yml").write_text(json.dumps({"global": {"scrape_interval": f"{STEP_S}s"}}))
    command = [
        shutil.which("prometheus"),
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'data'}",
        "--storage.tsdb.retention.time=100y",
        "--web.listen-address=127.0.0.1:0",
        "--log.level=info",
    ]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield address_of(process, home / "log")
        finally:
            process.terminate()
            process.wait(timeout=20)


def address_of(process, log):
    """Wait until Prometheus is ready, on the port that the system gave it."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        found = re.search(r'msg="Listening on" address=(\S+)', log.read_text())
        if found and "Server is ready" in log.read_text():
            return f"http://{found[1]}"
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def log_and_trace_store(tmp_path_factory):
    """Return the addresses of an embedded backend that holds the lines and spans of the incident."""
    home = tmp_path_factory.mktemp("embedded")
    (home / "logs").mkdir()
    ports = free_ports(3)
    options = zip(("--loki-port", "--tempo-port", "--otlp-port"), map(str, ports), strict=True)
    command = [sys.executable, "-m", "obskit.embedded", "--home", str(home), "--log-dir", str(home / "logs")]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, *(part for pair in options for part in pair)], stdout=log, stderr=log
        )
        try:
            loki, tempo, otlp = (f"http://127.0.0.1:{port}" for port in ports)
            until(lambda: posted(f"{loki}/loki/api/v1/push", lines()), process, home / "log")
            until(lambda: posted(f"{otlp}/v1/traces", spans()), process, home / "log")
            yield loki, tempo
        finally:
            process.terminate()
            process.wait(timeout=30)


def free_ports(count):
    """Return ports that nothing listens on."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports


def until(attempt, process, log):
    """Try again until *attempt* gets through."""
    deadline = time.monotonic() + 90
    while True:
        try:
            return attempt()
        except (ConnectionError, urllib.error.URLError):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


def posted(url, body):
    """Post *body* as JSON."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status


def lines():
    """Return what the services log in the incident: each event that a board asks for."""
    events = (
        ("inventory", "message.failed"), ("inventory", "message.dead_lettered"), ("orders", "db.query_slow"),
        ("orders", "job.failed"), ("gateway", "auth.rejected"), ("orders", "retry.scheduled"),
        ("gateway", "cache.failed"), ("gateway", "obskit.export_failed"), ("pager", "incident.opened"),
        ("gateway", "http.request"),
    )  # fmt: skip
    moment = (HEALTHY + 1800) * 1_000_000_000
    return {
        "streams": [
            {
                "stream": {"service_name": service, "environment": "test", "level": "error"},
                "values": [[str(moment + n), json.dumps({"event": event, "level": "error"})]],
            }
            for n, (service, event) in enumerate(events)
        ]
    }


def spans():
    """Return one slow, failed flow of the incident that has all that boards search for."""
    attributes = {
        "obskit.auth.reason": {"stringValue": "expired"},
        "obskit.db.slow": {"boolValue": True},
        "obskit.job.outcome": {"stringValue": "failed"},
        "messaging.destination.name": {"stringValue": "orders.reserved"},
    }
    began = (HEALTHY + 1800) * 1_000_000_000
    listed = [
        {
            "traceId": "0af7651916cd43dd8448eb211c80319c",
            "spanId": f"00000000000000{kind:02x}",
            "name": "POST /api/orders",
            "kind": kind,
            "startTimeUnixNano": str(began),
            "endTimeUnixNano": str(began + 2_000_000_000),
            "status": {"code": 2},
            "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
        }
        for kind in (2, 5)  # a server and a consumer
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "gateway"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": listed}]}]}


@pytest.fixture(scope="session")
def stores(prometheus, log_and_trace_store):
    """Return the stores that hold the two hours."""
    return Stores(prometheus, *log_and_trace_store)


@pytest.fixture(scope="session")
def asked(stores):
    """Return what all boards get for the hour before a moment: nothing, healthy or incident."""
    answers = {}

    def answers_at(name):
        if name not in answers:
            end = {"nothing": BEFORE, "healthy": HEALTHY, "incident": INCIDENT}[name]
            answers[name] = ask_all(stores, Moment(end=end, **SCRAPE))
        return answers[name]

    return answers_at


@pytest.fixture(scope="session")
def listening():
    """Wait until a Prometheus that was started is ready, and return its address."""
    return address_of
