"""``obskit dashboards new``: a board for somebody's own metrics."""

import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, make_wsgi_app

from obskit.boards import build, check, described, exposed, write_board
from obskit.errors import ConfigError, StackError

TEXTS = ("shop_orders_total:counter:kind", "shop_wait_seconds:histogram", "shop_stock:gauge:sku")


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        """Stay quiet."""


@pytest.fixture
def page():
    """Serve a page of metrics and return how to ask for it."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    Counter("shop_orders", "Orders taken.", ("kind",), registry=registry).labels("gift").inc()
    Gauge("shop_stock", "Pieces in stock.", registry=registry).set(4)
    Histogram("shop_wait_seconds", "Wait.", registry=registry, buckets=(0.1, 1)).observe(0.2)
    Counter("http_server_request_duration_seconds_x", "Not ours.", registry=registry)
    with make_server("127.0.0.1", 0, make_wsgi_app(registry), handler_class=QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()
        thread.join()


def test_a_new_board_keeps_all_house_rules(tmp_path):
    path = write_board("shop-orders", described(TEXTS), tmp_path)
    assert path.name == "shop_orders.py"
    (written,) = build(source=tmp_path)
    assert json.loads(written.read_text())["uid"] == "obskit-shop-orders"
    assert [str(finding) for finding in check(tmp_path)] == []


def test_names_that_the_board_does_not_declare_are_still_found(tmp_path):
    path = write_board("shop-orders", described(TEXTS), tmp_path)
    path.write_text(path.read_text().replace("metrics=(SHOP_ORDERS_TOTAL, ", "metrics=("))
    build(source=tmp_path)
    assert {finding.rule for finding in check(tmp_path)} >= {"names"}


def test_metrics_are_read_from_a_page_without_those_of_the_process(page):
    found = {metric.name: (metric.type, metric.labels, metric.buckets) for metric in exposed(page)}
    assert found["shop_orders_total"] == ("counter", ("kind",), ())
    assert found["shop_stock"] == ("gauge", (), ())
    assert found["shop_wait_seconds"] == ("histogram", (), (0.1, 1.0))
    assert not any(name.startswith("process_") for name in found)


def test_a_board_from_a_page_keeps_all_house_rules(page, tmp_path):
    write_board("shop", exposed(page), tmp_path)
    build(source=tmp_path)
    assert [str(finding) for finding in check(tmp_path)] == []


@pytest.mark.parametrize("text", ["shop", "shop:summary", "shop total:counter", ":gauge"])
def test_a_metric_of_another_form_is_refused(text):
    with pytest.raises(ConfigError, match="does not name a metric; write name:type:label"):
        described([text])


@pytest.mark.parametrize("name", ["Shop", "shop_orders", "-shop", "../shop", ""])
def test_a_name_that_cannot_be_a_file_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot name a board"):
        write_board(name, described(TEXTS), tmp_path)


def test_a_board_is_never_overwritten(tmp_path):
    write_board("shop", described(TEXTS), tmp_path)
    with pytest.raises(ConfigError, match="is there already"):
        write_board("shop", described(TEXTS), tmp_path)


def test_a_board_without_metrics_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="A board needs metrics"):
        write_board("shop", (), tmp_path)


def test_a_page_that_is_not_there_is_said():
    with pytest.raises(StackError, match=r"127\.0\.0\.1:1/metrics cannot be read"):
        exposed("http://127.0.0.1:1/metrics")
