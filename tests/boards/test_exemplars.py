"""Panels that ask for exemplars get some: backfilled samples cannot have any, so these are scraped."""

import json
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from prometheus_client import CollectorRegistry, Histogram, make_wsgi_app

from obskit.boards import filled
from obskit.boards._promql import selectors
from obskit.boards._read import first_choices, prometheus_targets
from obskit.catalog import METRICS

TRACE = {"trace_id": "0af7651916cd43dd8448eb211c80319c"}
NOT_OURS = "traefik_"


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        """Stay quiet."""


def asked(shipped):
    """Return (board, panel, query) of each query that asks for exemplars."""
    found = []
    for name, board in shipped.items():
        values = {"__rate_interval": "60s", "__range": "3600s", **first_choices(board)}
        found += [
            (name, target.panel, filled(target.expr, values))
            for target in prometheus_targets(board)
            if target.exemplar and NOT_OURS not in target.expr
        ]
    return found


def matching(shipped):
    """Return the label values that each histogram needs so that a query of a board chooses it."""
    wanted = {}
    for _, _, query in asked(shipped):
        for selector in selectors(query):
            family = selector.metric.removesuffix("_bucket")
            exact = {
                label: value for label, operator, value in selector.matchers if operator == "MatchOp.Equal"
            }
            labels = dict.fromkeys(METRICS[family].labels, "x") | {"service_name": "gateway"} | exact
            wanted.setdefault(family, set()).add(tuple(sorted(labels.items())))
    return wanted


@pytest.fixture(scope="module")
def traced_service(shipped):
    """A service whose durations have exemplars."""
    registry = CollectorRegistry()
    for family, label_sets in matching(shipped).items():
        metric = METRICS[family]
        names = ("service_name", *metric.labels)
        histogram = Histogram(family, metric.help, names, registry=registry, buckets=metric.buckets)
        for labels in label_sets:
            values = dict(labels)
            histogram.labels(**{name: values[name] for name in names}).observe(0.2, TRACE)
    with make_server("127.0.0.1", 0, make_wsgi_app(registry), handler_class=QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def scraping(tmp_path_factory, traced_service, listening):
    """Return the address of a Prometheus that scrapes the traced service."""
    home = tmp_path_factory.mktemp("scraping")
    job = {"job_name": "traced", "honor_labels": True, "static_configs": [{"targets": [traced_service]}]}
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    (home / "prometheus.yml").write_text(json.dumps(config))
    command = [
        shutil.which("prometheus"),
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        "--enable-feature=exemplar-storage",
        "--log.level=info",
    ]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield listening(process, home / "log")
        finally:
            process.terminate()
            process.wait(timeout=20)


def exemplars(address, query):
    now = time.time()
    asked_for = urllib.parse.urlencode({"query": query, "start": now - 600, "end": now + 600})
    with urllib.request.urlopen(f"{address}/api/v1/query_exemplars?{asked_for}", timeout=20) as answer:
        return json.load(answer)["data"]


def test_every_panel_that_asks_for_exemplars_gets_some(scraping, shipped, wait_for):
    for board, panel, query in asked(shipped):
        found = wait_for(lambda query=query: exemplars(scraping, query), f"{board} / {panel}: {query}")
        assert found[0]["exemplars"][0]["labels"] == TRACE, (board, panel)


def test_there_are_such_panels_on_most_boards(shipped):
    assert len({board for board, _, _ in asked(shipped)}) >= 9
