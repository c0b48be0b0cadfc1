"""Faults of the stack: what is held stays held, and is given back when they are switched off."""

import json
import sys
from contextlib import suppress

import httpx
import psutil
import pytest

from obskit import stack
from obskit.stack._specs import StackFault

STANDIN_LEVELS = (25, 100)


class Faulty:
    """A stack of two stand-ins with a fault of each kind, and its switch."""

    def __init__(self, site, tmp_path, free_port):
        self.site = site
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.prepared = tmp_path / "prepared"
        self.ran = tmp_path / "ran"
        nats, orders = site.standin("nats"), site.standin("orders", after=("nats",))
        self.other_port = free_port()
        other = (*orders.argv[:2], str(orders.port), "--say", "replaced at {level}")
        append = "import sys, pathlib; pathlib.Path(sys.argv[1]).open('a').write(sys.argv[2] + '\\n')"
        wait = f"{append}; import time; time.sleep(float(sys.argv[3]))"
        python = (sys.executable, "-c")
        faults = (
            StackFault(id="nats-dead", levels=(100,), action="stop", process="nats"),
            StackFault(id="orders-frozen", levels=STANDIN_LEVELS, action="pause", process="orders"),
            StackFault(
                id="orders-other",
                levels=STANDIN_LEVELS,
                action="replace",
                process="orders",
                argv=other,
                prepare=(*python, append, str(self.prepared), "{level}"),
            ),
            StackFault(
                id="flood",
                levels=STANDIN_LEVELS,
                action="run",
                process="abuse-flood",
                argv=(*python, wait, str(self.ran), "{level}", "3600"),
            ),
            StackFault(
                id="short-flood",
                levels=(100,),
                action="run",
                process="abuse-short",
                argv=(*python, wait, str(self.ran), "short", "0.3"),
            ),
            StackFault(
                id="unprepared",
                levels=(100,),
                action="replace",
                process="nats",
                argv=nats.argv,
                prepare=(*python, "import sys; sys.exit('no paper left')"),
            ),
        )
        self.plan = site.plan(nats, orders, faults=faults, control_port=self.port)

    def call(self, method, path="", token=None, **options):
        given = self.site.home.token() if token is None else token
        return httpx.request(
            method,
            f"{self.url}/admin/faults{path}",
            headers={"Authorization": f"Bearer {given}"} if given else {},
            trust_env=False,
            timeout=40,
            **options,
        )

    def on(self, fault_id, level=100):
        answer = self.call("POST", f"/{fault_id}", json={"level": level})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def off(self, fault_id):
        answer = self.call("DELETE", f"/{fault_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def levels(self):
        return {row["id"]: row["level"] for row in self.call("GET").json()["faults"] if row["level"]}

    def status_of(self, name):
        """psutil's word for the process, or empty when there is none."""
        process = self.site.row(name).process
        with suppress(psutil.Error):
            return psutil.Process(process.pid).status() if process else ""
        return ""


@pytest.fixture
def faulty(site, tmp_path, free_port):
    made = Faulty(site, tmp_path, free_port)
    stack.up(site.home, made.plan)
    return made


def test_stopped_process_stays_down_until_the_fault_is_off(faulty, site, wait_for):
    before = site.row("nats").process

    faulty.on("nats-dead")

    wait_for(lambda: site.row("nats").process is None, "nats is dead")
    row = site.row("nats")
    assert (row.state, row.last_exit) == ("held", "held by the fault nats-dead")
    assert not stack.status(site.home).is_ready
    # Long enough for the restart of any other process that died.
    killed = site.kill("orders")
    wait_for(lambda: site.row("orders").restarts == 1, "the supervisor saw a death")
    assert "nats" not in site.running()
    assert site.row("orders").process != killed

    faulty.off("nats-dead")

    wait_for(lambda: site.is_back("nats", before), "nats is back")
    assert site.row("nats").restarts == 0
    wait_for(lambda: stack.status(site.home).is_ready, "all are ready")


def test_frozen_process_runs_and_answers_nobody_until_the_fault_is_off(faulty, site, wait_for):
    before = site.row("orders").process

    faulty.on("orders-frozen")

    wait_for(lambda: faulty.status_of("orders") == psutil.STATUS_STOPPED, "orders is frozen")
    assert site.row("orders").state == "held"

    faulty.off("orders-frozen")

    wait_for(lambda: stack.status(site.home).is_ready, "all are ready")
    assert site.row("orders").process == before
    assert faulty.status_of("orders") != psutil.STATUS_STOPPED


def test_lower_level_freezes_for_a_part_of_the_time(faulty, wait_for):
    faulty.on("orders-frozen", 25)

    for _ in range(2):
        wait_for(lambda: faulty.status_of("orders") == psutil.STATUS_STOPPED, "it is frozen")
        wait_for(lambda: faulty.status_of("orders") != psutil.STATUS_STOPPED, "it runs on")


def test_replaced_process_runs_another_command_line_and_then_its_own(faulty, site, wait_for):
    before = site.row("orders").process
    log = site.home.log_of("orders")

    faulty.on("orders-other", 25)

    wait_for(lambda: "replaced at 25" in log.read_text(), "the other command line")
    assert faulty.prepared.read_text() == "25\n"
    assert site.row("orders").state == "held"
    during = site.row("orders").process
    assert during not in {before, None}

    faulty.off("orders-other")

    wait_for(lambda: site.is_back("orders", during), "orders is back")
    assert log.read_text().count("replaced at") == 1
    assert site.row("orders").restarts == 0


def test_fault_that_runs_a_process_keeps_it_running_at_its_level_and_ends_it(faulty, site, wait_for):
    faulty.on("flood", 25)
    wait_for(lambda: faulty.ran.exists() and faulty.ran.read_text() == "25\n", "it runs")
    wait_for(lambda: site.row("abuse-flood").state == "ready", "status shows it")

    site.kill("abuse-flood")

    wait_for(lambda: faulty.ran.read_text() == "25\n25\n", "it runs again")

    faulty.on("flood", 100)

    wait_for(lambda: faulty.ran.read_text() == "25\n25\n100\n", "it runs at the other level")
    assert faulty.levels() == {"flood": 100}
    assert site.running().count("abuse-flood") == 1

    faulty.off("flood")

    assert site.running() == ["keeper", "nats", "orders", "supervisor"]
    assert "abuse-flood" not in [row.name for row in stack.status(site.home).processes]


def test_fault_is_off_when_what_it_ran_has_reached_its_bound(faulty, wait_for):
    faulty.on("short-flood")

    wait_for(lambda: not faulty.levels(), "the fault is off")
    assert faulty.ran.read_text() == "short\n"


def test_down_ends_what_faults_run_and_hold_and_the_next_up_has_none(faulty, site, wait_for):
    for name in ("nats-dead", "orders-frozen", "flood"):
        faulty.on(name)
    wait_for(lambda: site.row("nats").process is None, "nats is dead")

    stack.down(site.home)

    assert site.running() == []

    stack.up(site.home, faulty.plan)

    assert faulty.levels() == {}
    assert stack.status(site.home).is_ready


def test_new_supervisor_goes_on_with_what_is_on(faulty, site, wait_for):
    for name in ("nats-dead", "orders-frozen", "flood"):
        faulty.on(name)
    wait_for(lambda: site.row("abuse-flood").state == "ready", "it runs")
    before = site.row("abuse-flood").process

    dead = site.kill("supervisor")

    wait_for(lambda: site.is_back("supervisor", dead), "a new supervisor", within_s=40)
    wait_for(lambda: _answers(faulty), "it takes orders")
    assert faulty.levels() == {"nats-dead": 100, "orders-frozen": 100, "flood": 100}
    assert site.row("abuse-flood").process == before
    assert site.row("nats").state == "held"
    for name in ("nats-dead", "orders-frozen", "flood"):
        faulty.off(name)
    wait_for(lambda: stack.status(site.home).is_ready, "all are ready")
    assert site.running() == ["keeper", "nats", "orders", "supervisor"]


def _answers(faulty):
    with suppress(httpx.TransportError):
        return faulty.call("GET").status_code == 200
    return False


def test_switch_wants_the_token_and_says_what_it_takes(faulty):
    assert faulty.call("GET", token="").status_code == 401
    assert faulty.call("POST", "/flood", token="guessed", json={"level": 100}).status_code == 401
    assert faulty.call("GET", "/flood").status_code == 404
    unknown = faulty.call("POST", "/no-such", json={"level": 100})
    assert unknown.status_code == 404
    assert "it has: nats-dead, orders-frozen" in unknown.json()["detail"]
    level = faulty.call("DELETE", "/no-such")
    assert level.status_code == 404
    wrong = faulty.call("POST", "/flood", json={"level": 60})
    assert wrong.status_code == 422
    assert wrong.json()["detail"] == "level=60 is not a level of flood; use 25, 100."
    for body, status in ((b"{", 400), (b"[]", 422), (b'{"level": true}', 422), (b"x" * 2000, 400)):
        assert faulty.call("POST", "/flood", content=body).status_code == status
    unprepared = faulty.call("POST", "/unprepared", json={"level": 100})
    assert unprepared.status_code == 422
    assert "no paper left" in unprepared.json()["detail"]
    assert faulty.levels() == {}

    faulty.on("orders-frozen")
    second = faulty.call("POST", "/orders-other", json={"level": 100})
    assert second.status_code == 422
    assert second.json()["detail"] == "orders is held by the fault orders-frozen; switch that off first."


def test_switching_leaves_a_line_where_the_services_lines_are(faulty, site):
    faulty.on("nats-dead")
    faulty.off("nats-dead")
    faulty.off("nats-dead")

    (file,) = site.home.service_logs.glob("supervisor.*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["event"], line["fault"], line["fault_level"]) for line in lines] == [
        ("fault.activated", "nats-dead", 100),
        ("fault.cleared", "nats-dead", 0),
    ]
    assert {line["service"] for line in lines} == {"supervisor"}
