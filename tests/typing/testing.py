"""Exercises every public call of obskit.testing, for mypy only: nothing here runs."""

from datetime import UTC, datetime
from pathlib import Path

from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry

from obskit import catalog, testing
from obskit.testing import acceptance


def test_order(obs_capture: testing.Capture) -> None:
    logs: testing.CapturedLogs = obs_capture.logs
    line: testing.LogLine = logs.one(event="order.created", sku="A-1")
    lines: tuple[testing.LogLine, ...] = logs.all()
    spans: testing.CapturedSpans = obs_capture.spans
    span: testing.CapturedSpan = spans.one("price", kind=SpanKind.INTERNAL, sku="A-1")
    same: bool = span.trace_id == obs_capture.server_span.trace_id == line.trace_id == lines[0]["trace_id"]
    metrics: testing.CapturedMetrics = obs_capture.metrics
    count: float = metrics.value(catalog.SERVER_DURATION, http_route="/orders") + metrics.delta(
        "orders_total"
    )
    clock: testing.Clock = obs_capture.clock
    clock.set(datetime(2026, 3, 1, tzinfo=UTC))
    clock.advance(1.5)
    obs_capture.assert_no_unbounded_labels(max_series=50)
    obs_capture.clear()
    assert same
    assert count


with testing.capture() as captured:
    testing.assert_no_unbounded_labels(captured.telemetry.registry)
testing.assert_no_unbounded_labels(CollectorRegistry(), max_series=10)

checks: tuple[acceptance.Check, ...] = acceptance.load_checks(Path("checks.yaml"))
results: list[acceptance.Result] = acceptance.check_app(Path("checks.yaml"), "shop.main:app")
results += acceptance.check_url(Path("checks.yaml"), "http://127.0.0.1:8081")
passed: bool = all(result.passed for result in results)
