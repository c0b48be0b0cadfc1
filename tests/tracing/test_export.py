"""The exporter: what arrives, what is dropped, and that it never waits longer than told."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import obskit
from obskit.tracing import Exporter

RESOURCE = Resource({"service.name": "shop"})


class Sink(ThreadingHTTPServer):
    """A collector that keeps what it is sent and answers with the statuses it is told."""

    daemon_threads = True

    def __init__(self):
        self.bodies = []
        self.statuses = []
        self.hangs_up = False
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def spans(self):
        return [
            span
            for body in self.bodies
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.bodies.append(json.loads(body))
        self.send_response(status)
        # Without saying so, as a collector does when the connection has been idle.
        self.close_connection = self.server.hangs_up
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        """Keep the test's output clean."""


@pytest.fixture
def sink():
    sink = Sink()
    yield sink
    sink.shutdown()
    sink.server_close()


def provider_for(exporter):
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(exporter)
    return provider.get_tracer("test", "1")


def test_span_arrives_as_otlp_json(sink):
    exporter = Exporter(sink.url, resource=RESOURCE)
    tracer = provider_for(exporter)
    attributes = {"text": "é", "count": 2**60, "ratio": 0.5, "yes": True, "list": ["a", "b"]}
    with (
        tracer.start_as_current_span("outer") as outer,
        tracer.start_as_current_span("inner", attributes=attributes),
    ):
        pass
    exporter.close(5)
    inner = next(span for span in sink.spans() if span["name"] == "inner")
    assert inner["parentSpanId"] == f"{outer.get_span_context().span_id:016x}"
    assert inner["kind"] == 1
    values = {item["key"]: item["value"] for item in inner["attributes"]}
    assert values == {
        "text": {"stringValue": "é"},
        "count": {"intValue": str(2**60)},
        "ratio": {"doubleValue": 0.5},
        "yes": {"boolValue": True},
        "list": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}},
    }
    resource = sink.bodies[0]["resourceSpans"][0]["resource"]["attributes"]
    assert resource == [{"key": "service.name", "value": {"stringValue": "shop"}}]
    assert exporter.exported == 2
    assert not exporter.dropped


def test_refused_collector_costs_spans_and_is_reported_once_each_way(sink):
    reports = []
    sink.statuses = [503, 503]
    exporter = Exporter(sink.url, resource=RESOURCE, report=lambda *report: reports.append(report))
    tracer = provider_for(exporter)
    tracer.start_span("kept").end()
    assert exporter.force_flush()
    assert [span["name"] for span in sink.spans()] == ["kept"]
    assert [reachable for reachable, _ in reports] == [False, True]
    exporter.close(5)


def test_answer_that_no_retry_can_change_drops_the_batch_at_once(sink):
    sink.statuses = [400]
    exporter = Exporter(sink.url, resource=RESOURCE)
    provider_for(exporter).start_span("lost").end()
    assert exporter.force_flush()
    assert exporter.dropped == {"export_failed": 1}
    exporter.close(5)


def test_full_queue_drops_and_counts(monkeypatch, sink):
    exporter = Exporter(sink.url, resource=RESOURCE)
    monkeypatch.setattr("obskit.tracing._export._QUEUE", 10)
    monkeypatch.setattr(exporter, "_start", lambda: None)
    tracer = provider_for(exporter)
    for _ in range(25):
        tracer.start_span("x").end()
    assert exporter.dropped == {"queue_full": 15}


def test_black_holed_collector_does_not_hold_the_shutdown():
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        exporter = Exporter(f"http://127.0.0.1:{hole.getsockname()[1]}/v1/traces", resource=RESOURCE)
        tracer = provider_for(exporter)
        for _ in range(20):
            tracer.start_span("lost").end()
        began = time.monotonic()
        exporter.close(0.2)
        assert time.monotonic() - began < 3
    assert exporter.dropped.total() == 20


def test_what_was_lost_is_said_at_shutdown(sink, tmp_path):
    for url, name in (("http://127.0.0.1:9", "lost"), (sink.url, "sent")):
        obskit.init(service=name, otlp_endpoint=url, log_format="none", log_dir=tmp_path)
        for _ in range(7):
            with obskit.span("price"):
                pass
        obskit.shutdown()
    lines = [json.loads(line) for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    (line,) = [line for line in lines if line["event"] == "obskit.spans_lost"]
    assert (line["service"], line["spans"], sum(line["by_reason"].values())) == ("lost", 7, 7)


def test_unsampled_span_is_not_queued(sink):
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    exporter = Exporter(sink.url, resource=RESOURCE)
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(exporter)
    provider.get_tracer("t").start_span("x").end()
    exporter.close(1)
    assert not sink.bodies


def test_a_connection_that_the_collector_closed_while_idle_is_no_outage(sink, wait_for):
    sink.hangs_up = True
    reports = []
    exporter = Exporter(sink.url, resource=RESOURCE, report=lambda *said: reports.append(said))
    tracer = provider_for(exporter)
    for count in range(1, 4):
        with tracer.start_as_current_span("work"):
            pass
        wait_for(lambda count=count: len(sink.spans()) == count, "the span arrives")
    exporter.close(5)
    assert reports == []
    assert dict(exporter.dropped) == {}
