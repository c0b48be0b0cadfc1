"""Many workers, one page: real uvicorn and gunicorn, workers that are killed and replaced, exemplars of all."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
APP = """
import os, threading
from fastapi import FastAPI, Response
from prometheus_client import Counter, Gauge, Histogram
import obskit
from obskit.metrics import render

obs = obskit.init(service="many")
app = obskit.instrument(FastAPI())
orders = Counter("shop_orders", "Orders.", ["kind"], registry=obs.registry)
price = Histogram("shop_price", "Price.", registry=obs.registry, buckets=(1, 10))
waiting = Gauge("shop_waiting", "Waiting.", registry=obs.registry)
latest = Gauge("shop_latest", "Latest.", registry=obs.registry, multiprocess_mode="mostrecent")
waiting.set(2)
elsewhere = Counter("not_ours", "On no registry of ours.", registry=None)


@app.get("/order")
def order():
    orders.labels("new").inc()
    elsewhere.inc()
    price.observe(5, {"trace_id": f"{os.getpid():032x}"})
    latest.set(os.getpid())
    return {"pid": os.getpid()}


def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/metrics":
        body, kind = render(obs.registry, environ.get("HTTP_ACCEPT", ""))
        start_response("200 OK", [("Content-Type", kind)])
        return [body]
    order()
    start_response("200 OK", [])
    return [b'{"pid":%d}' % os.getpid()]
"""
UVICORN = ["uvicorn", "served:app", "--workers", "3", "--port", "{port}"]
GUNICORN = ["gunicorn", "--workers", "3", "--bind", "127.0.0.1:{port}"]
SERVERS = [
    pytest.param(UVICORN, id="uvicorn"),
    pytest.param([*GUNICORN, "--preload", "served:wsgi"], id="gunicorn preload"),
    pytest.param([*GUNICORN, "served:wsgi"], id="gunicorn", marks=pytest.mark.prove),
    pytest.param(
        [*GUNICORN, "--preload", "-k", "asgi", "served:app"],
        id="gunicorn preload asgi",
        marks=pytest.mark.prove,
    ),
]


class Service:
    """A server with three workers, and what its page says."""

    def __init__(self, port, process):
        self.url = f"http://127.0.0.1:{port}"
        self.process = process

    def ask(self, path, accept=""):
        # A connection each: the kernel gives each to any of the workers.
        request = urllib.request.Request(f"{self.url}{path}", headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def page(self):
        text = self.ask("/metrics", OPENMETRICS)
        return {
            (sample.name, *sorted(set(sample.labels.items()) - {("service_name", "many")})): sample
            for family in (text_string_to_metric_families(text) if text else ())
            for sample in family.samples
        }

    def value(self, name, *labels):
        sample = self.page().get((name, *labels))
        return sample.value if sample else None

    def order(self, number):
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: self.ask("/order"), range(number)))
        return [int(re.search(r"\d+", answer)[0]) for answer in answers if answer]


@pytest.fixture
def serve(tmp_path, free_port, wait_for):
    """Start a server of three workers and wait until all of them are on its page."""
    (tmp_path / "served.py").write_text(APP)
    started = []

    def run(command):
        port = str(free_port())
        environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        path = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))
        environ |= {"PYTHONPATH": path, "OBSKIT_LOG_DIR": str(tmp_path / "logs")}
        with (tmp_path / "out").open("w") as out:
            words = [word.format(port=port) for word in command]
            server = subprocess.Popen(
                [sys.executable, "-m", *words], env=environ, cwd=tmp_path, stdout=out, stderr=out
            )
        started.append(server)
        service = Service(port, server)
        preload = "--preload" in command
        wait_for(lambda: service.value("obskit_processes") == 3 + preload, "three workers", within_s=60)
        return service

    yield run
    for server in started:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(60)
        finally:
            server.kill()


@pytest.mark.parametrize("command", SERVERS)
def test_any_worker_shows_all_and_killed_ones_lose_no_count(serve, wait_for, command):
    service = serve(command)
    pids = service.order(60)
    assert len(set(pids)) > 1
    for _ in range(4):
        assert_whole(service.page(), pids)
    answered = len(pids)
    counted = {}

    def look():
        """Give the page, no counter of which may be less than it was."""
        page = service.page()
        for key, sample in page.items():
            if key[0].endswith(("_total", "_count", "_bucket")):
                assert sample.value >= counted.get(key, 0), key
                counted[key] = sample.value
        return page

    def processes():
        page = look()
        return page["obskit_processes",].value if page else 0

    whole = processes()
    for _ in range(2):
        pids = service.order(20)
        answered += len(pids)
        os.kill(pids[-1], signal.SIGKILL)
        wait_for(lambda: processes() == whole and processes() == whole, "a new worker")
        assert look()["shop_orders_total", ("kind", "new")].value == answered
        assert look()["shop_price_count",].value == answered


def assert_whole(page, pids):
    assert page["shop_orders_total", ("kind", "new")].value == 60
    assert page["shop_price_bucket", ("le", "10.0")].value == page["shop_price_count",].value == 60
    assert page["shop_price_sum",].value == 300
    assert page["shop_waiting",].value == 2 * page["obskit_processes",].value
    assert page["shop_latest",].value in pids
    assert page["obskit_build_info", ("revision", ""), ("version", "0")].value == 1
    assert page["process_resident_memory_bytes",].value > 60e6
    assert not any(name.startswith("not_ours") for name, *_ in page)
    exemplar = page["shop_price_bucket", ("le", "10.0")].exemplar
    assert int(exemplar.labels["trace_id"], 16) in pids


SPAWNING = """
import multiprocessing, os, sys
import obskit
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families
from obskit.catalog import SENT
from obskit.metrics._exposition import render
from obskit.metrics._group import folder_for

obs = obskit.init(service="family", log_format="none")
done = Counter("done", "Done.", registry=obs.registry)

def work():
    done.inc()
    obs.metrics.counter(SENT, "orders.created", "").inc(2)
    os._exit(0)  # as a process that is killed: nobody closes anything

def counted(name):
    page = render(obs.registry, "text/plain")[0].decode()
    families = text_string_to_metric_families(page)
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)

if __name__ == "__main__":
    assert not folder_for("family", os.getpid()).exists()
    for _ in range(2):
        child = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        child.start()
        child.join()
        assert child.exitcode == 0
    done.inc()
    print(counted("done_total"), counted("messaging_client_sent_messages_total"))
    print(folder_for("family", os.getpid()).exists(), end=" ")
    obskit.shutdown()
    print(folder_for("family", os.getpid()).exists())
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_a_process_count_for_its_service(tmp_path, method):
    script = tmp_path / "family.py"
    script.write_text(SPAWNING)
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    environ |= {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, script, method], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["3.0", "4.0", "True", "False"], done.stderr
    assert not done.stderr
