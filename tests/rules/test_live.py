"""The scaled rules in a real Prometheus that scrapes every second, as in the demo."""

import threading
import time
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry, Histogram, make_wsgi_app

from obskit import catalog
from obskit.rules import write_native

_PER_SECOND = 20


class _Gateway:
    """A service with steady traffic, told by the clock: each scrape adds what came since the last."""

    def __init__(self):
        self.failing = 0.0
        self._registry = CollectorRegistry()
        labels = (catalog.SERVICE_LABEL, *catalog.SERVER_DURATION.labels)
        name = catalog.SERVER_DURATION.name
        self._seconds = Histogram(name, "d", labels, registry=self._registry, buckets=catalog.LATENCY_BUCKETS)
        self._ok = self._seconds.labels("gateway", "POST", "/api/orders", "201", "", "ok")
        self._failed = self._seconds.labels("gateway", "POST", "/api/orders", "502", "502", "server_error")
        self._started = time.monotonic()
        self._served = 0
        self._lost = 0.0
        self._app = make_wsgi_app(self._registry)

    def __call__(self, environ, start_response):
        due = int((time.monotonic() - self._started) * _PER_SECOND) - self._served
        for _ in range(due):
            self._served += 1
            self._lost += self.failing
            failed = self._lost >= 1
            self._lost -= failed
            (self._failed if failed else self._ok).observe(0.02)
        return self._app(environ, start_response)


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        """Stay quiet."""


@pytest.fixture
def gateway():
    app = _Gateway()
    with make_server("127.0.0.1", 0, app, handler_class=_QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield app, f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def prometheus(tmp_path, free_port, start_server, gateway):
    native = write_native(
        tmp_path / "rules",
        factor=60,
        scrape_interval_s=1,
        pager_url="http://127.0.0.1:8601",
        routing_key_file=tmp_path / "routing_key",
        board_url=None,
    )
    labels = {"service_name": "gateway"}
    scrape = {"targets": [gateway[1]], "labels": labels}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in native.rule_files],
        "scrape_configs": [{"job_name": "services", "honor_labels": True, "static_configs": [scrape]}],
    }
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{free_port()}"
    start_server(
        "prometheus",
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        ready_url=f"{url}/-/ready",
    )
    with httpx.Client(base_url=url) as client:
        yield client


@pytest.fixture
def value(prometheus):
    """Ask Prometheus for one number; None when there is no such series."""

    def ask(query):
        answer = prometheus.get("/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", answer
        found = answer["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    return ask


def test_a_third_of_failures_pages_and_the_page_ends_after_recovery(prometheus, gateway, value, wait_for):
    app, _ = gateway
    ratio = 'service:http_request_errors_per_requests:ratio_rate5m{service_name="gateway"}'
    paged = 'ALERTS{alertname="AvailabilityBudgetBurn", alertstate="firing", long_window="1h"}'
    assert wait_for(lambda: value(ratio) == 0, "healthy traffic is recorded", within_s=60)

    app.failing = 0.3
    wait_for(lambda: value(paged), "the page fires", within_s=60)
    wait_for(lambda: 0.25 < value(ratio) < 0.35, "the ratio is the share that fails", within_s=60)
    rules = prometheus.get("/api/v1/rules", params={"type": "alert"}).json()["data"]["groups"]
    (alert,) = [
        one
        for group in rules
        for rule in group["rules"]
        for one in rule["alerts"]
        if one["labels"].get("long_window") == "1h" and one["labels"]["slo"] == "availability"
    ]
    assert alert["annotations"]["summary"].startswith("gateway fails requests faster")
    assert "% of the requests to gateway failed over 1h" in alert["annotations"]["description"]

    app.failing = 0.0
    wait_for(lambda: value(paged) is None, "the page ends", within_s=60)
    assert value('count(ALERTS{alertstate="firing", slo="latency"})') is None


def test_every_rule_evaluates_without_an_error(prometheus, value, wait_for):
    wait_for(
        lambda: value('slo:bad_per_events:ratio_rate3d{slo="latency"}') == 0,
        "all are evaluated",
        within_s=60,
    )
    groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]

    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
    assert all(rule["lastError"] == "" for group in groups for rule in group["rules"] if "lastError" in rule)
    assert value('ALERTS{alertname="Watchdog", alertstate="firing"}') == 1
