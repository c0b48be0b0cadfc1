"""The checks of ``obskit fault verify``, against small servers that answer as the stack's do."""

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx
import pytest
from rich.console import Console

from obskit import stack
from obskit.cli._faults import Fault, catalogue, find
from obskit.cli._verify import CHECKS, Check, Eyes, Healthy, Options, Report, RowResult, promise_of, verify
from obskit.cli._verify._links import check_links
from obskit.errors import StackError

ALERT = {"alertname": "DeadLetters", "severity": "ticket", "service_name": "inventory"}
STRANGER = {"alertname": "TargetDown", "severity": "page", "service_name": "users"}


class Stack(ThreadingHTTPServer):
    """Prometheus, Loki, Tempo, pager and pages in one: a fault that shows everything at once."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.is_on = False
        self.was_on = False
        self.value = {False: "0", True: "40"}
        self.alerts = [ALERT]
        self.always = []
        self.lines = [{"stream": {"service_name": "inventory"}, "values": [["1", "{}"]]}]
        self.pages = {
            "/incidents/INC-1": "A message was given up",
            "/runbooks/DeadLetters": "DeadLetters Meaning Impact Diagnosis Mitigation",
            "/d/obskit-messaging": "Messaging",
            "/logs": '{service_name=\\"inventory\\"}',
        }

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, path):
        alerts = [*self.always, *(self.alerts if self.is_on else [])]
        routes = {
            "/api/v1/query": lambda: {"data": {"result": self.series()}},
            "/api/v1/alerts": lambda: {
                "data": {"alerts": [{"labels": a, "state": "firing"} for a in alerts]}
            },
            "/loki/api/v1/query_range": lambda: {"data": {"result": self.lines if self.was_on else []}},
            "/api/search": lambda: {"traces": [{"traceID": "ab", "startTimeUnixNano": str(time.time_ns())}]},
            "/v1/incidents": lambda: {"incidents": [self.incident()] if self.was_on else []},
            "/v1/incidents/INC-1": self.incident,
        }
        if path.startswith("/api/v1/label/"):
            return {"data": ["inventory"]}
        return routes[path]() if path in routes else None

    def series(self):
        about = {"messaging_destination_name": "orders.created"}
        return [{"metric": about, "value": [0, self.value[self.is_on]]}]

    def incident(self):
        links = {
            "Runbook": "/runbooks/DeadLetters",
            "Dashboard": "/d/obskit-messaging",
            "Logs": "/logs?query=%7Bservice_name%3D%22inventory%22%7D",
        }
        return {
            "id": "INC-1",
            "title": "A message was given up",
            "urgency": "low",
            "status": "triggered" if self.is_on else "resolved",
            "created_at": self.was_on.isoformat(),
            "details": {"alertname": "DeadLetters"},
            "url": f"{self.url}/incidents/INC-1",
            "links": [{"text": text, "href": self.url + path} for text, path in links.items()],
        }


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urlsplit(self.path)
        content = self.server.answer(parts.path)
        body = json.dumps(content) if content is not None else self.server.pages.get(parts.path)
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write((body or "").encode())

    def log_message(self, *_):
        """Say nothing."""


class Switched(Fault):
    """A fault whose switch is the server's."""

    __slots__ = ()

    def turn_on(self, _home, _level):
        SERVERS[self.id].is_on, SERVERS[self.id].was_on = True, datetime.now(UTC)

    def turn_off(self, _home):
        SERVERS[self.id].is_on = False


SERVERS = {}


@pytest.fixture
def server():
    with Stack() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def eyes(server, tmp_path, monkeypatch):
    monkeypatch.setattr(stack, "current_address", lambda _home, _name: server.url)
    with httpx.Client(trust_env=False) as client:
        yield Eyes.on(stack.Home.at(tmp_path), client)


@pytest.fixture
def fault(server, monkeypatch):
    row = {
        "id": "poison",
        "acts": "service",
        "service": "inventory",
        "levels": [10, 100],
        "panel": {
            "board": "obskit-messaging",
            "title": "Age of the oldest message",
            "where": {"messaging_destination_name": "orders.created"},
            "healthy": {"high": 20},
            "factor": 1.5,
        },
        "log_event": "message.dead_lettered",
        "span_attribute": "obskit.dead_letter",
        "alert": "DeadLetters",
        "urgency": "low",
        "also": [],
        "within_s": 30,
    }
    monkeypatch.setitem(SERVERS, "poison", server)
    monkeypatch.setattr("obskit.cli._verify._run._LATE_S", 0.0)
    monkeypatch.setattr("obskit.cli._verify._run._EVIDENCE_S", 0.0)
    monkeypatch.setattr("obskit.cli._verify._run._SHORTEST_S", 0.0)
    return Switched(row)


@pytest.fixture
def run(eyes, fault):
    return lambda: verify(eyes, fault, Options(Console(quiet=True), lambda: None))


def test_fault_that_shows_everything_passes_with_its_numbers(run):
    row = run()

    assert row.passed, row
    assert list(row.checks) == list(CHECKS)
    assert row.level == 100
    shown = row.to_json()["checks"]
    assert shown["panel"]["before"] == (0.0, 0.0)
    assert shown["panel"]["during"] == (40.0, 40.0)
    assert shown["incident"]["id"] == "INC-1"
    assert shown["span"]["trace_id"] == "ab"
    assert shown["resolved"]["after_s"] >= 0


@pytest.mark.parametrize(
    ("break_it", "failed"),
    [
        (lambda server: server.value.update({True: "25"}), {"panel"}),
        (lambda server: server.lines.clear(), {"log", "links"}),
        (lambda server: server.alerts.append(STRANGER), {"others"}),
        (lambda server: server.alerts.clear(), {"alert"}),
        (lambda server: server.pages.pop("/runbooks/DeadLetters"), {"links"}),
        (lambda server: server.pages.update({"/d/obskit-messaging": "Error"}), {"links"}),
        (lambda server: server.pages.update({"/logs": "Logs"}), {"links"}),
    ],
    ids=["panel", "log", "stranger", "no alert", "runbook is away", "another board", "another query"],
)
def test_what_is_missing_fails_its_own_check(server, run, monkeypatch, break_it, failed):
    if failed & {"panel", "alert"}:  # what never comes is waited for to the end
        monkeypatch.setattr("obskit.cli._verify._run._LATE_S", -25.0)
    break_it(server)

    row = run()

    assert {name for name, check in row.checks.items() if not check.passed} == failed, row
    assert not row.passed
    assert not server.is_on


def test_alert_of_before_is_no_stranger(server, run, monkeypatch):
    monkeypatch.setattr("obskit.cli._verify._run._SETTLE_S", 0.0)
    server.always.append(STRANGER)

    assert run().passed


@pytest.mark.parametrize("is_panel", [True, False])
def test_what_is_not_quiet_before_is_not_begun(server, run, monkeypatch, is_panel):
    monkeypatch.setattr("obskit.cli._verify._run._QUIET_S", 0.0)
    if is_panel:
        server.value[False] = "21"
    else:
        server.always.append(ALERT)

    row = run()

    assert not row.passed
    assert "not quiet before" in row.checks["panel"].said
    assert not server.was_on


def test_fault_is_off_even_when_the_load_ends(server, eyes, fault):
    looks = []

    def alive():
        looks.append(1)
        if server.is_on:
            raise StackError("The load generator ended by itself.", fix="look")

    with pytest.raises(StackError, match="ended by itself"):
        verify(eyes, fault, Options(Console(quiet=True), alive))
    assert looks
    assert not server.is_on


@pytest.mark.parametrize("turn", ["turn_on", "turn_off"])
def test_fault_that_cannot_be_switched_fails_alone(server, run, monkeypatch, turn):
    def refuse(*_):
        raise StackError("orders does not answer on port 8102 (ReadTimeout).", fix="obskit status")

    monkeypatch.setattr(Switched, turn, refuse)

    row = run()

    assert not row.passed
    assert row.checks["resolved"].said.startswith("it cannot be switched: orders does not answer")
    assert (row.checks["links"].passed, row.checks["alert"].passed) == (turn == "turn_off",) * 2


def test_pages_are_opened_afterwards_where_the_fault_is_that_a_store_is_away(server, run, monkeypatch):
    lines = Eyes.lines

    def dead_while_on(self, *arguments, **options):
        if server.is_on:
            raise StackError("loki does not answer on port 3100 (ConnectError).", fix="obskit status")
        return lines(self, *arguments, **options)

    monkeypatch.setattr(Eyes, "lines", dead_while_on)

    assert run().checks["links"].passed


def test_incident_without_its_links_fails(server, eyes):
    server.was_on = datetime.now(UTC)
    incident = {**server.incident(), "links": []}

    check = check_links(eyes, incident, "DeadLetters")

    assert not check.passed
    assert check.said == "Runbook is missing; Dashboard is missing; Logs is missing"


@pytest.mark.parametrize(
    ("healthy", "value", "is_left"),
    [
        (Healthy(None, 0.5, 1.5), 0.75, True),
        (Healthy(None, 0.5, 1.5), 0.74, False),
        (Healthy(None, 0.0, 1.0), 0.0, False),
        (Healthy(None, 0.0, 1.0), 0.01, True),
        (Healthy(None, 1.0, 1.0), 1.0, False),
        (Healthy(0.8, None, 2.0), 0.4, True),
        (Healthy(0.8, None, 2.0), 0.41, False),
        (Healthy(1.0, 2.0, 1.0), 1.5, False),
    ],
)
def test_range_is_left_by_its_factor(healthy, value, is_left):
    assert healthy.is_left(value) is is_left


def test_every_row_of_the_catalogue_can_be_checked():
    for fault in catalogue().values():
        promise = promise_of(fault)
        assert promise.severity in {"page", "ticket"}
        assert (promise.attribute is None) is (fault.row["span_attribute"] == "none")


def test_row_that_leaves_something_out_is_refused():
    row = {key: value for key, value in find("inventory-slow").row.items() if key != "urgency"}
    with pytest.raises(StackError, match="inventory-slow cannot be checked: KeyError 'urgency'"):
        promise_of(Fault(row))


def passed_row(fault_id, *, passed=True):
    checks = {name: Check(passed=passed, said="as it should") for name in CHECKS}
    return RowResult(id=fault_id, level=100, at="2026-11-22T10:00:00+00:00", seconds=30.0, checks=checks)


def test_report_is_gone_on_with(tmp_path):
    file = tmp_path / "report.json"
    first = Report(file)
    first.add(find("inventory-slow"), passed_row("inventory-slow"))
    first.add(find("inventory-errors"), passed_row("inventory-errors", passed=False))

    again = Report(file)

    assert [fault.id for fault in again.left([find("inventory-slow"), find("inventory-errors")])] == [
        "inventory-errors"
    ]
    assert [row["passed"] for row in again.to_json()["faults"]] == [False, True]


def test_row_that_promises_something_else_is_left_again(tmp_path):
    file = tmp_path / "report.json"
    before = find("inventory-slow")
    Report(file).add(before, passed_row(before.id))

    assert Report(file).left([before]) == []
    changed = Fault({**before.row, "also": [], "within_s": 30})
    assert Report(file).left([changed]) == [changed]


@pytest.mark.parametrize("content", ["[]", "{", '{"faults": [{}]}'])
def test_file_that_is_no_report_is_refused_and_kept(tmp_path, content):
    file = tmp_path / "report.json"
    file.write_text(content)
    with pytest.raises(StackError, match="cannot be used as a report"):
        Report(file)
    assert file.read_text() == content


def test_stack_that_is_down_is_named_with_the_command(shell):
    result = shell.run("fault", "verify", "inventory-slow")

    assert result.code == 1
    assert "is not up" in result.err
    assert "obskit up --time-scale 60" in result.err


@pytest.mark.parametrize("arguments", [[], ["--all", "inventory-slow"]])
def test_faults_are_either_named_or_all(shell, arguments):
    result = shell.run("fault", "verify", *arguments)

    assert result.code == 2
    assert "Name faults, or give --all" in result.err


def test_unknown_fault_is_refused_before_anything_starts(shell):
    result = shell.run("fault", "verify", "inventory-gone")

    assert result.code == 1
    assert "There is no fault 'inventory-gone'" in result.err
