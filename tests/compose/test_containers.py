"""The whole stack in containers: up, orders both ways, scrapes, five faults, panels, a crash, down.

Runs where ``OBSKIT_TEST_DOCKER=1`` says that a Docker engine may be used, and takes the ports of the
stack. Images come from a registry, or ``tests/compose/images.py`` makes stand-ins for them before: then
obskit's own stores answer as Loki and Tempo, everything here is looked for all the same, and nothing is
shown about Grafana, Loki, Tempo and Alloy themselves. Time runs sixty times faster, as in every proof of faults.
"""

import contextlib
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from obskit.boards import Stores, ask_all, judge
from obskit.cli._verify import CHECKS

pytestmark = pytest.mark.prove

PROJECT = "obskit-e2e"
ROOT_USER = {"nats"}
PROFILES = "core,agents,samples,load"
FAULTS = ("inventory-slow", "inventory-errors", "payments-slow", "users-errors", "poison-message")
"""Two pages, two of what is called by it, a ticket and a queue; all of services whose port is published."""
AGENT_TRIED = '{__name__=~"loki_write_batch_retries_total|obskit_ship_pushes_total",outcome!~"ok|rejected"}'
"""What Alloy counts of its tries without Loki, and what its stand-in does."""

WITHOUT = {
    # Of a cache in memory; here it is Redis.
    "cache": {"Entries held", "Left by themselves", "Evictions", "Entries"},
    # Traefik counts none but those that it was given.
    "gateway-auth": {"Certificates end in"},
}
"""Panels of what this stack does not have."""


class Stack:
    """The containers of one project, and what can be asked of them."""

    def __init__(self, home):
        self.home = home
        self.secrets = home / "compose" / "secrets"
        self._environment = {**os.environ, "COMPOSE_PROJECT_NAME": PROJECT, "COMPOSE_PROFILES": PROFILES}

    def obskit(self, *arguments):
        command = [Path(sys.executable).with_name("obskit"), *arguments]
        command += ["--backend", "compose", "--home", self.home]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False, timeout=1500
        )

    def ids(self, what="ps", *options):
        label = f"label=com.docker.compose.project={PROJECT}"
        listed = subprocess.run(
            ["docker", *what.split(), *options, "--quiet", "--filter", label],
            capture_output=True,
            text=True,
            check=True,
        )
        return listed.stdout.split()

    def containers(self):
        """Return what Docker knows of each container, by service."""
        shown = subprocess.run(
            ["docker", "inspect", *self.ids("ps", "--all")], capture_output=True, text=True, check=True
        )
        found = json.loads(shown.stdout)
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in found}

    def docker(self, verb, service, *arguments):
        identity = self.containers()[service]["Id"]
        command = ["docker", verb, identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def is_healthy(self, service):
        state = self.containers()[service]["State"]
        return state["Status"] == "running" and state.get("Health", {}).get("Status", "healthy") == "healthy"

    def ask(self, url, **options):
        """Return the status and the JSON of an answer; 0 while nobody answers."""
        # The door makes its certificate itself until it is given one.
        anyone = ssl._create_unverified_context()
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, **options), timeout=20, context=anyone
            ) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None
        except (OSError, ValueError):
            return 0, None

    def query(self, promql):
        data = urllib.parse.urlencode({"query": promql}).encode()
        return self.ask("http://127.0.0.1:9090/api/v1/query", data=data)[1]["data"]["result"]

    def login(self):
        shown = self.docker(
            "exec", "users", "python", "-c", "print(open('/var/lib/obskit/secrets/demo_users.json').read())"
        )
        password = json.loads(shown.stdout)["alice"]
        data = json.dumps({"name": "alice", "password": password}).encode()
        headers = {"Content-Type": "application/json"}
        status, token = self.ask("http://127.0.0.1:8080/api/auth/login", data=data, headers=headers)
        assert status == 200
        return headers | {"Authorization": f"Bearer {token['access_token']}"}


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("containers"))
    try:
        done = stack.obskit("up", "--json", "--time-scale", "60")
        assert done.returncode == 0, done.stderr[-4000:]
        yield stack, json.loads(done.stdout)["containers"]
    finally:
        ended = stack.obskit("down", "--wipe")
    assert ended.returncode == 0, ended.stderr
    assert stack.ids("ps", "--all") == []
    assert stack.ids("volume ls") == []
    assert stack.ids("network ls") == []
    assert not stack.secrets.exists()


@pytest.fixture
def stack(up):
    return up[0]


def eventually(condition, what, within_s=240):
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(1)
    return found


def test_every_service_of_the_file_becomes_ready(up, parsed):
    assert {one["name"] for one in up[1]} == set(parsed["services"])
    assert {one["state"] for one in up[1]} == {"running"}
    assert {one["name"] for one in up[1] if one["health"] != "healthy"} == {"tempo"}


def test_nothing_runs_as_root_with_capabilities_or_on_a_disk_that_it_can_write(stack, parsed):
    for name, one in stack.containers().items():
        host = one["HostConfig"]
        assert host["ReadonlyRootfs"] is True, name
        assert host["CapDrop"] == ["ALL"], name
        assert host["Privileged"] is False, name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert host["Memory"] == int(parsed["services"][name]["mem_limit"].removesuffix("m")) * 1024**2
        users = stack.docker("top", name, "-eo", "pid,uid").stdout.split("\n")[1:]
        is_root = {line.split()[1] == "0" for line in users if line}
        assert is_root == {name in ROOT_USER}, name


def test_ports_are_open_on_loopback_only(stack):
    for name, one in stack.containers().items():
        bound = [port for ports in one["NetworkSettings"]["Ports"].values() for port in ports or ()]
        assert {port["HostIp"] for port in bound} <= {"127.0.0.1"}, name


def test_our_image_has_no_shell_and_no_package_manager(stack):
    for program in ("sh", "bash", "pip", "apt-get"):
        assert stack.docker("exec", "orders", program, "--version").returncode in {126, 127}, program


def test_no_container_sees_a_secret_that_is_not_its_own(stack):
    seen = stack.docker("exec", "provider", "python", "-c", "import os; print(os.listdir('/run/secrets'))")
    assert seen.stdout.strip() == "['admin_token']"


@pytest.mark.parametrize("door", ["http://127.0.0.1:8080", "https://127.0.0.1:8443"])
def test_an_order_goes_both_ways_through_the_door(stack, door):
    headers = stack.login()
    order = json.dumps({"sku": "TEA-GREEN", "quantity": 1}).encode()
    status, done = stack.ask(f"{door}/api/orders?mode=sync", data=order, headers=headers)
    assert (status, done["state"]) == (201, "completed")
    status, accepted = stack.ask(f"{door}/api/orders?mode=async", data=order, headers=headers)
    assert status == 202

    def is_completed():
        shown = stack.ask(f"{door}/api/orders/{accepted['id']}", headers=headers)[1]
        return shown and shown["state"] == "completed"

    eventually(is_completed, "the end of the asynchronous order")
    assert stack.ask(f"{door}/metrics")[0] == 404


def test_lines_that_are_written_while_loki_is_away_arrive(stack):
    tried = f"(sum({AGENT_TRIED}) or vector(0))"
    before = float(stack.query(tried)[0]["value"][1])
    stack.docker("stop", "loki")
    try:
        order = json.dumps({"sku": "TEA-GREEN", "quantity": 1}).encode()
        url = "http://127.0.0.1:8080/api/orders?mode=sync"
        status, done = stack.ask(url, data=order, headers=stack.login())
        eventually(lambda: stack.query(f"{tried} > {before + 2}"), "three tries of Alloy")
    finally:
        stack.docker("start", "loki")
    assert status == 201
    query = urllib.parse.urlencode({"query": f'{{service_name="orders"}} |= `{done["id"]}`'})

    def lines():
        found = stack.ask(f"http://127.0.0.1:3100/loki/api/v1/query_range?{query}")[1]
        return found and found["data"]["result"]

    eventually(lines, "the lines of that minute")


def test_prometheus_reaches_every_target_and_every_probe(stack):
    eventually(lambda: len(stack.query("up")) >= 25, "the targets")
    eventually(
        lambda: not stack.query("up == 0 or probe_success == 0"), "a world without a target that is down"
    )


def test_the_load_arrives_and_is_counted(stack):
    counted = 'sum(rate(http_server_request_duration_seconds_count{service_name="orders"}[1m])) > 1'
    eventually(lambda: stack.query(counted), "requests at the orders service")


def test_the_heartbeat_of_the_watchdog_reaches_the_pager(stack):
    count = 'sum(alertmanager_notifications{}_total{{integration="webhook"}})'
    eventually(
        lambda: stack.query(f"{count.format('')} - {count.format('_failed')} > 0"), "a heartbeat at the pager"
    )


def test_a_container_that_dies_comes_back(stack):
    before = stack.containers()["inventory"]["RestartCount"]
    # Its own process: the init of the container ends with it, and Docker starts it again.
    stack.docker("exec", "inventory", "python", "-c", "import os; os.kill(7, 9)")
    eventually(
        lambda: stack.containers()["inventory"]["RestartCount"] > before and stack.is_healthy("inventory"),
        "the inventory service",
    )
    order = json.dumps({"sku": "TEA-GREEN", "quantity": 1}).encode()
    url, headers = "http://127.0.0.1:8080/api/orders?mode=sync", stack.login()
    # The circuit breakers of its callers try it again some seconds later.
    eventually(lambda: stack.ask(url, data=order, headers=headers)[0] == 201, "an order")


def test_a_container_stays_well_below_its_limit(stack):
    told = subprocess.run(
        ["docker", "stats", "--no-stream", "--format", "{{.Name}} {{.MemPerc}}", *stack.ids()],
        capture_output=True,
        text=True,
        check=True,
    )
    shares = {line.split()[0]: float(line.split()[1].rstrip("%")) for line in told.stdout.splitlines()}
    assert {name: share for name, share in shares.items() if share > 85} == {}


def test_no_container_reads_its_program_from_disk_again_and_again(stack):
    def faults():
        told = {name: stack.docker("top", name, "-eo", "pid,maj_flt").stdout for name in stack.containers()}
        return {
            name: sum(int(line.split()[1]) for line in top.splitlines()[1:]) for name, top in told.items()
        }

    before = faults()
    time.sleep(10)  # a rate needs time between its ends
    # A limit that is too low for a program shows as these, hundreds a second, long before anything is killed.
    assert {name: more - before[name] for name, more in faults().items() if more - before[name] > 200} == {}


def test_faults_show_page_and_resolve(stack):
    done = stack.obskit("fault", "verify", *FAULTS, "--json")
    assert done.stdout, done.stderr[-4000:]
    rows = {row["id"]: row["checks"] for row in json.loads(done.stdout)["faults"]}
    assert rows.keys() == set(FAULTS)
    failed = {
        f"{name}: {check}": checks[check]["said"] if check in checks else "was not looked for"
        for name, checks in rows.items()
        for check in CHECKS
        if not checks.get(check, {}).get("passed")
    }
    assert failed == {}
    # And its pages, as whoever was paged opens them.
    pages = rows["inventory-errors"]["links"]["pages"]
    for text in ("Incident", "Runbook", "Dashboard"):
        with contextlib.closing(urllib.request.urlopen(pages[text], timeout=20)) as page:
            assert page.status == 200, text


def test_every_panel_has_data(stack):
    stores = Stores("http://127.0.0.1:9090", "http://127.0.0.1:3100", "http://127.0.0.1:3200")
    found = []

    def is_of_something_else(one):
        return one.rule == "empty" and one.panel in WITHOUT.get(one.board, ())

    def has_data():
        found[:] = [str(one) for one in judge(ask_all(stores)) if not is_of_something_else(one)]
        return not found

    try:
        eventually(has_data, "data in every panel")
    except AssertionError as error:
        raise AssertionError("\n".join(found)) from error
