"""The load generator keeps its schedule, whatever the answers do."""

import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from sample_services.loadgen.__main__ import main
from sample_services.loadgen.journeys import BOTH, CALLS, MIX
from sample_services.loadgen.report import Latencies
from sample_services.loadgen.schedule import Rate, arrivals
from sample_services.loadgen.session import Credentials, LoginError

ROOT = Path(__file__).parents[2]
RATE = Rate(40, 40)
COMMAND = [sys.executable, "-m", "sample_services.loadgen"]


def run(fleet, *arguments, timeout=60):
    done = subprocess.run(
        [*COMMAND, "--port", "0", *arguments],
        cwd=ROOT,
        env=fleet.environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_summary_and_orders_file_account_for_every_order(fleet, tmp_path):
    file = tmp_path / "orders.txt"
    summary = run(
        fleet,
        *("--url", fleet.url("gateway"), "--user", "alice", "--rate", "10", "--duration", "4"),
        *("--orders-file", str(file)),
    )
    expected = [
        item.journey
        for item in itertools.takewhile(lambda item: item.at_s < 4, arrivals(Rate(10, 10), BOTH, 1))
    ]
    for mode in BOTH:
        tally = summary["journeys"][mode]
        assert tally["sent"] == tally["ok"] == expected.count(mode)
        assert tally["errors"] == tally["dropped"] == tally["unanswered"] == 0
        assert 0 < tally["p50_s"] <= tally["p95_s"] <= tally["p99_s"] <= tally["max_s"]
    order_ids = file.read_text().split()
    assert len(set(order_ids)) == len(order_ids) == summary["journeys"]["async"]["ok"]
    for order_id in order_ids:
        fleet.wait_state(order_id, "completed")


def test_one_mode_only(fleet):
    summary = run(fleet, "--url", fleet.url("gateway"), "--rate", "20", "--duration", "1", "--mode", "sync")
    assert list(summary["journeys"]) == ["sync"]


class SilentGateway:
    """Counts the orders that arrive and answers none before it is told to."""

    def __init__(self):
        self.received = threading.Semaphore(0)
        self.answering = threading.Event()
        silent = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                silent.received.release()
                silent.answering.wait(60)
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket.listen(512)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.answering.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def silent():
    gateway = SilentGateway()
    yield gateway
    gateway.close()


@pytest.fixture
def started(fleet):
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=fleet.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_orders_are_sent_on_time_although_none_is_answered(started, silent):
    expected = sum(1 for _ in itertools.takewhile(lambda item: item.at_s < 2, arrivals(RATE, BOTH, 7)))
    arguments = ("--rate", "40", "--duration", "2", "--seed", "7", "--port", "0", "--anonymous")
    process = started("--url", silent.url, *arguments)
    for _ in range(expected):
        assert silent.received.acquire(timeout=30)
    silent.answering.set()
    output, _ = process.communicate(timeout=30)
    modes = json.loads(output)["journeys"].values()
    assert sum(tally["sent"] for tally in modes) == expected
    assert sum(tally["errors_by_kind"]["503"] for tally in modes) == expected


def test_waiting_for_a_place_counts_into_the_latency(started, silent):
    arguments = ("--rate", "40", "--duration", "2", "--max-in-flight", "1", "--port", "0", "--anonymous")
    process = started("--url", silent.url, *arguments)
    assert silent.received.acquire(timeout=30)
    assert not silent.received.acquire(timeout=0.5), "one in flight, so the next one waits"
    silent.answering.set()
    output, _ = process.communicate(timeout=30)
    for tally in json.loads(output)["journeys"].values():
        assert tally["max_s"] > tally["from_send"]["max_s"] - 0.01
        assert tally["p50_s"] > tally["from_send"]["p50_s"]


def test_sigterm_ends_an_endless_run_with_its_summary(started, silent):
    process = started("--url", silent.url, "--rate", "40", "--duration", "0", "--port", "0", "--anonymous")
    assert silent.received.acquire(timeout=30)
    process.send_signal(signal.SIGTERM)
    # Nothing is ever answered: it gives up what is in flight, and says so.
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    tallies = json.loads(output)["journeys"].values()
    assert sum(tally["unanswered"] for tally in tallies) >= 1


def test_metrics_name_the_mode_in_the_template(started, fleet, free_port, until):
    port = free_port()
    started("--url", fleet.url("gateway"), "--rate", "40", "--duration", "0", "--port", str(port))

    def page():
        try:
            return httpx.get(f"http://127.0.0.1:{port}/metrics").text
        except httpx.TransportError:
            return ""

    for mode in BOTH:
        until(lambda mode=mode: f'url_template="/api/orders?mode={mode}"' in page(), f"the series of {mode}")
    assert 'service_name="loadgen"' in page()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rate", "0"], "use a number of calls a second"),
        (["--rate", "nan"], "use a number of calls a second"),
        (["--duration", "-1"], "use a number of seconds"),
        (["--url", "gateway:8081"], "use an address such as"),
        (["--mode", "later"], "invalid choice"),
        (["--rate", "5.."], "use a number of calls a second"),
        (["--rate", "1..2", "--duration", "0"], "needs a --duration"),
        (["--journeys", "buy=1"], "use name=weight of sync, async, browse, page, login"),
        (["--journeys", "sync=0"], "use weights from 1 to"),
        (["--journeys", "sync=1,sync=2"], "each once"),
        (["--journeys", "login=1", "--anonymous"], "logs nobody in"),
        (["--passwords", "/nowhere", "--port", "0"], "cannot be read"),
        (["--orders-file", "/nowhere/at/all", "--port", "0"], "cannot be written"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(arguments, says, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_port_that_is_taken_is_refused_with_the_way_out(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit):
        main(["--port", str(taken.getsockname()[1])])
    assert "choose another, or 0 for any" in capsys.readouterr().err


def test_schedule_is_the_same_for_the_same_seed_and_keeps_the_rate():
    def first(seed):
        return list(itertools.takewhile(lambda item: item.at_s < 100, arrivals(Rate(50, 50), BOTH, seed)))

    assert first(1) == first(1) != first(2)
    assert abs(len(first(1)) / 100 - 50) < 3
    modes = [item.journey for item in first(1)]
    assert abs(modes.count("sync") - modes.count("async")) <= 1


def test_quantiles_are_right_to_one_percent():
    latencies = Latencies()
    assert latencies.quantile(0.5) is None
    for milliseconds in range(1, 1001):
        latencies.add(milliseconds / 1000)
    for share in (0.5, 0.95, 0.99, 1.0):
        assert abs(latencies.quantile(share) / share - 1) <= 0.011


def test_ramp_reaches_its_last_rate_and_sends_the_mean():
    ramp = Rate(10, 50, 100)
    times = [item.at_s for item in itertools.takewhile(lambda item: item.at_s < 200, arrivals(ramp, BOTH, 3))]
    assert times == sorted(times)
    ramped = [at_s for at_s in times if at_s < 100]
    assert abs(len(ramped) / 3000 - 1) < 0.06
    assert abs(sum(1 for at_s in ramped if at_s < 25) / 375 - 1) < 0.2
    assert abs((len(times) - len(ramped)) / 5000 - 1) < 0.06, "the last rate goes on"
    falling = Rate(50, 10, 100)
    assert falling.at_s(0) == 0
    assert falling.at_s(3000) == pytest.approx(100)


def test_journeys_come_as_often_as_they_weigh_and_not_in_lumps():
    first = list(itertools.islice(arrivals(RATE, MIX, 1), 20 * 50))
    counts = {journey: sum(item.journey == journey for item in first) for journey in MIX}
    assert counts == {journey: weight * 50 for journey, weight in MIX.items()}
    assert len({item.journey for item in first[:6]}) >= 4


def test_mix_of_journeys_is_answered_and_agrees_with_its_own_metrics(fleet):
    arguments = ("--rate", "5..25", "--duration", "4", "--mode", "mix", "--port", "0")
    summary = run(fleet, "--url", fleet.url("gateway"), *arguments)
    assert set(summary["journeys"]) == set(CALLS)
    for tally in summary["journeys"].values():
        assert tally["ok"] == tally["sent"] > 0, summary
    assert (summary["first_rate"], summary["rate"]) == (5, 25)


class FakePrometheus:
    """Answers queries with the numbers that a scrape of the load generator would have given."""

    def __init__(self):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                value = "100000" if "_count" in self.path else "0.25"
                body = json.dumps({"data": {"result": [{"value": [0, value]}]}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_percentiles_of_prometheus_are_beside_its_own(fleet):
    prometheus = FakePrometheus()
    try:
        arguments = ("--rate", "20", "--duration", "1", "--port", "0", "--prometheus", prometheus.url)
        summary = run(fleet, "--url", fleet.url("gateway"), *arguments)
    finally:
        prometheus.close()
    for mode in BOTH:
        found = summary["prometheus"][mode]
        assert found == {"counted": 100000, "p50_s": 0.25, "p95_s": 0.25, "p99_s": 0.25}


def test_login_that_is_refused_ends_the_run_with_the_reason(fleet, tmp_path):
    file = tmp_path / "users.json"
    file.write_text(json.dumps({"loadgen": "not-the-password"}))
    done = subprocess.run(
        [*COMMAND, "--port", "0", "--url", fleet.url("gateway"), "--passwords", str(file)],
        cwd=ROOT,
        env=fleet.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "The login of loadgen was refused (401)" in done.stderr
    assert "not-the-password" not in done.stderr


def test_password_is_in_no_repr(tmp_path):
    file = tmp_path / "users.json"
    file.write_text(json.dumps({"a": "secret-word"}))
    assert "secret-word" not in repr(Credentials.read(file, "a"))
    with pytest.raises(LoginError, match="has no user 'b'; it has a"):
        Credentials.read(file, "b")
