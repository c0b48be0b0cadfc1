"""Every Prometheus query of every panel, asked of a real Prometheus that holds two hours.

The first hour is healthy. In the second one inventory fails for a part of the requests and
its messages: what the faults of the sample services do.
"""

import json
import math
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from prometheus_client import CollectorRegistry, Histogram, make_wsgi_app

from obskit import catalog
from obskit.boards import boards, filled
from obskit.boards._read import first_choices, prometheus_targets

STEP_S = 15
HOUR = 3600 // STEP_S
START = 1_790_000_000 - 1_790_000_000 % 7200
BEFORE, HEALTHY, INCIDENT = START - 7200, START + 3600, START + 7200
BUILT_IN = {"__rate_interval": "60s", "__range": "3600s", "__interval": "15s"}


class History:
    """Samples of two hours as OpenMetrics text; *healthy* and *incident* are values a step."""

    def __init__(self):
        self._families = {}

    def gauge(self, name, labels, healthy, incident=None):
        later = healthy if incident is None else incident
        self._write(name, name, labels, [healthy] * HOUR + [later] * (HOUR + 1))

    def counter(self, name, labels, healthy, incident):
        self._write(name, name, labels, self._sums(healthy, incident))

    def histogram(self, metric, labels, healthy, incident):
        """Each argument is (events a step, seconds of each)."""
        counts = self._sums(healthy[0], incident[0])
        for bound in (*metric.buckets, math.inf):
            within = self._sums(*(count if seconds <= bound else 0 for count, seconds in (healthy, incident)))
            le = "+Inf" if bound == math.inf else str(float(bound))
            self._write(metric.name, f"{metric.name}_bucket", {**labels, "le": le}, within)
        self._write(metric.name, f"{metric.name}_count", labels, counts)
        spent = self._sums(healthy[0] * healthy[1], incident[0] * incident[1])
        self._write(metric.name, f"{metric.name}_sum", labels, spent)

    def text(self):
        return "\n".join(line for lines in self._families.values() for line in lines) + "\n# EOF\n"

    @staticmethod
    def _sums(healthy, incident):
        if healthy is None:  # a series that begins with the incident
            return [None] * HOUR + [incident * step for step in range(HOUR + 1)]
        first = [healthy * step for step in range(HOUR)]
        return first + [healthy * HOUR + incident * step for step in range(HOUR + 1)]

    def _write(self, family, name, labels, values):
        written = ",".join(f'{key}="{value}"' for key, value in labels.items())
        lines = self._families.setdefault(family, [])
        lines.extend(
            f"{name}{{{written}}} {value:.12g} {START + n * STEP_S}"
            for n, value in enumerate(values)
            if value is not None
        )


SERVERS = (
    # service, method, route, status, error type, outcome; then (events a step, seconds) in each hour
    (("gateway", "POST", "/api/orders", "201", "", "ok"), (75, 0.06), (40, 0.8)),
    (("gateway", "POST", "/api/orders", "502", "502", "server_error"), (0, 0), (35, 2.0)),
    (("gateway", "GET", "/api/orders/{order_id}", "200", "", "ok"), (30, 0.004), (30, 0.004)),
    (("gateway", "GET", "unmatched", "404", "", "client_error"), (1, 0.001), (1, 0.001)),
    (("orders", "POST", "/orders", "201", "", "ok"), (75, 0.04), (40, 0.7)),
    (("inventory", "POST", "/reservations", "201", "", "ok"), (38, 0.02), (20, 0.6)),
    (("inventory", "POST", "/reservations", "500", "StockError", "server_error"), (0, 0), (18, 0.5)),
)
CALLS = (
    # service, method, host, template, status, error type
    (("loadgen", "POST", "gateway", "/api/orders?mode=sync", "201", ""), (38, 0.07), (20, 0.9)),
    (("loadgen", "POST", "gateway", "/api/orders?mode=sync", "502", "502"), (0, 0), (18, 2.1)),
    (("loadgen", "POST", "gateway", "/api/orders?mode=async", "202", ""), (38, 0.03), (38, 0.03)),
    (("loadgen", "POST", "gateway", "/api/orders?mode=async", "", "ReadTimeout"), (0, 0), (0.5, 10.0)),
    (("gateway", "POST", "orders", "/orders", "201", ""), (75, 0.05), (75, 0.4)),
    (("orders", "POST", "inventory", "/reservations", "201", ""), (38, 0.03), (20, 0.7)),
    (("orders", "POST", "inventory", "/reservations", "500", "500"), (0, 0), (18, 0.6)),
)


def write_requests(history):
    for metric, rows in ((catalog.SERVER_DURATION, SERVERS), (catalog.CLIENT_DURATION, CALLS)):
        for values, healthy, incident in rows:
            labels = dict(zip((catalog.SERVICE_LABEL, *metric.labels), values, strict=True))
            history.histogram(metric, labels, healthy, incident)


def write_messages(history):
    for queue, publisher, consumer in (
        ("orders.created", "orders", "inventory"),
        ("orders.reserved", "inventory", "orders"),
    ):
        sent = {"service_name": publisher, "messaging_destination_name": queue, "error_type": ""}
        handled = {**sent, "service_name": consumer}
        whole = {key: handled[key] for key in ("service_name", "messaging_destination_name")}
        history.histogram(catalog.PUBLISH_DURATION, sent, (38, 0.004), (38, 0.005))
        history.counter(catalog.SENT.name, sent, 38, 38)
        history.counter(catalog.CONSUMED.name, handled, 38, 60)
        history.histogram(catalog.PROCESS_DURATION, handled, (38, 0.02), (30, 0.5))
        failed = {**handled, "error_type": "StockError"}
        history.histogram(catalog.PROCESS_DURATION, failed, (0, 0), (20, 0.4))
        history.counter(catalog.REDELIVERED.name, whole, None, 20)
        history.histogram(catalog.END_TO_END, whole, (38, 0.03), (30, 4.0))
        history.histogram(catalog.FLOW_DURATION, whole, (38, 0.09), (30, 9.0))


def write_processes(history):
    for service in ("gateway", "orders", "inventory", "loadgen"):
        target = {"service_name": service, "instance": f"{service}:80", "job": "obskit"}
        history.gauge("up", target, 1)
        history.gauge(catalog.ACTIVE_REQUESTS.name, {**target, "http_request_method": "POST"}, 1, 4)
        history.counter("process_cpu_seconds_total", target, 1.5, 2)
        history.gauge("process_resident_memory_bytes", target, 9e7)
        history.gauge("process_open_fds", target, 40)
        history.gauge("process_max_fds", target, 1024)
        history.gauge("process_start_time_seconds", target, START - 60, START + 3600)
        for level, later in (("info", 80), ("error", 30)):
            history.counter(
                catalog.LOG_RECORDS.name, {**target, "level": level}, 80 if level == "info" else 0, later
            )


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        """Stay quiet."""


@pytest.fixture(scope="module")
def traced_service():
    """A service whose durations have exemplars; backfilled samples cannot have any."""
    registry = CollectorRegistry()
    for metric, rows in ((catalog.SERVER_DURATION, SERVERS), (catalog.CLIENT_DURATION, CALLS)):
        names = (catalog.SERVICE_LABEL, *metric.labels)
        family = Histogram(metric.name, metric.help, names, registry=registry, buckets=metric.buckets)
        for values, _, (_, seconds) in rows:
            family.labels(*values).observe(seconds, {"trace_id": "0af7651916cd43dd8448eb211c80319c"})
    flow = catalog.FLOW_DURATION
    family = Histogram(flow.name, flow.help, flow.labels, registry=registry, buckets=flow.buckets)
    family.labels("orders.reserved").observe(0.2, {"trace_id": "0af7651916cd43dd8448eb211c80319c"})
    with make_server("127.0.0.1", 0, make_wsgi_app(registry), handler_class=_QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory, traced_service):
    """Return how to ask a Prometheus that holds the history, and scrapes the traced service."""
    home = tmp_path_factory.mktemp("prometheus")
    history = History()
    for write in (write_requests, write_messages, write_processes):
        write(history)
    (home / "history.txt").write_text(history.text())
    create = ["promtool", "tsdb", "create-blocks-from", "openmetrics", home / "history.txt", home / "data"]
    subprocess.run(create, check=True, capture_output=True)
    job = {"job_name": "traced", "honor_labels": True, "static_configs": [{"targets": [traced_service]}]}
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    (home / "prometheus.yml").write_text(json.dumps(config))
    log = (home / "log").open("w")
    process = subprocess.Popen(
        [
            shutil.which("prometheus"),
            f"--config.file={home / 'prometheus.yml'}",
            f"--storage.tsdb.path={home / 'data'}",
            "--storage.tsdb.retention.time=100y",
            "--web.listen-address=127.0.0.1:0",
            "--enable-feature=exemplar-storage",
            "--log.level=info",
        ],
        stdout=log,
        stderr=log,
    )
    try:
        yield asking(address_of(process, home / "log"))
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def address_of(process, log):
    """Wait until Prometheus is ready, on the port that the system gave it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        found = re.search(r'msg="Listening on" address=(\S+)', log.read_text())
        if found and "Server is ready" in log.read_text():
            return f"http://{found[1]}"
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def asking(address):
    def ask(path, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        with urllib.request.urlopen(f"{address}/api/v1/{path}?{query}", timeout=20) as answer:
            return json.load(answer)["data"]

    return ask


def asked(ask, target, values, end):
    """Return the series that a panel gets for the hour before *end*."""
    expr = filled(target.expr, values)
    if target.instant:
        return [(one["metric"], [one["value"]]) for one in ask("query", query=expr, time=end)["result"]]
    answer = ask("query_range", query=expr, start=end - 3600 + 60, end=end, step=60)
    return [(one["metric"], one["values"]) for one in answer["result"]]


def answers(ask, board, shipped, end):
    """Return (panel, expression, series) of each Prometheus query of *board*."""
    values = {**BUILT_IN, **first_choices(shipped[board.name])}
    return [(target, asked(ask, target, values, end)) for target in prometheus_targets(shipped[board.name])]


def declared(board):
    """Return why a panel may be empty on a healthy system, by its title; only those that say so."""
    return {
        panel.about.title: panel.about.empty
        for row in board.rows
        for panel in row.panels
        if panel.about.empty
    }


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_every_panel_has_data_on_a_healthy_system_or_says_which_fault_fills_it(prometheus, shipped, board):
    filled_panels, asked_panels = set(), set()
    for target, found in answers(prometheus, board, shipped, HEALTHY):
        asked_panels.add(target.panel)
        if found:
            filled_panels.add(target.panel)
    assert asked_panels - filled_panels == {title for title in declared(board) if title in asked_panels}


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_every_query_has_data_during_an_incident(prometheus, shipped, board):
    empty = [
        f"{target.panel}: {target.expr}"
        for target, found in answers(prometheus, board, shipped, INCIDENT)
        if not found
    ]
    assert empty == []


@pytest.mark.parametrize("end", [HEALTHY, INCIDENT], ids=["healthy", "incident"])
@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_values_fit_their_unit_and_legends_have_their_labels(prometheus, shipped, board, panel, end):
    for target, found in answers(prometheus, board, shipped, end):
        unit = panel(shipped[board.name], target.panel)["fieldConfig"]["defaults"]["unit"]
        for labels, samples in found:
            assert set(re.findall(r"{{(\w+)}}", target.legend)) <= set(labels), target.panel
            numbers = [float(value) for _, value in samples]
            assert all(number >= 0 or math.isclose(number, 0, abs_tol=1e-9) for number in numbers), target
            if unit == "percentunit":
                assert all(number <= 1 + 1e-9 for number in numbers), target
            if unit == "s":
                assert all(number < 300 for number in numbers), target


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_without_traffic_a_panel_is_empty_and_never_wrong(prometheus, shipped, board):
    assert [found for _, found in answers(prometheus, board, shipped, BEFORE) if found] == []


def test_the_incident_shows_what_the_boards_are_for(prometheus, shipped):
    board = next(one for one in boards() if one.name == "sync-async")
    last = {
        target.legend: float(found[0][1][-1][1])
        for target, found in answers(prometheus, board, shipped, INCIDENT)
        if found and not target.instant
    }
    assert last["Sync: calls failed"] > 0.3
    assert last["Async: calls failed"] < 0.05
    assert last["Sync: caller waits"] > 10 * last["Async: caller waits"]
    assert last["Async penalty"] > 1


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_every_variable_finds_its_values_and_its_default_is_one_of_them(prometheus, shipped, board):
    for variable in shipped[board.name]["templating"]["list"]:
        if variable["type"] != "query":
            continue
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
        found = prometheus(
            f"label/{label}/values", **{"match[]": filled(selector), "start": START, "end": INCIDENT}
        )
        assert found, variable["name"]
        assert variable["multi"] or variable["current"]["value"] in found


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_a_restart_is_marked(prometheus, shipped, board):
    restarts = shipped[board.name]["annotations"]["list"][0]["expr"]
    found = prometheus(
        "query_range", query=filled(restarts, BUILT_IN), start=START + 60, end=INCIDENT, step=60
    )["result"]
    marked = {float(moment) for one in found for moment, _ in one["values"]}
    assert marked
    assert all(HEALTHY <= moment <= HEALTHY + 60 for moment in marked)


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_every_panel_that_asks_for_exemplars_gets_some(prometheus, shipped, wait_for, board):
    values = {**BUILT_IN, **first_choices(shipped[board.name])}
    for target in prometheus_targets(shipped[board.name]):
        if target.exemplar:
            now = time.time()
            query = {"query": filled(target.expr, values), "start": now - 600, "end": now + 600}
            found = wait_for(lambda query=query: prometheus("query_exemplars", **query), target.expr)
            assert found[0]["exemplars"][0]["labels"] == {"trace_id": "0af7651916cd43dd8448eb211c80319c"}
