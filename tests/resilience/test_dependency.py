"""Calls to dependencies: a span, a duration and how they ended."""

import asyncio

import httpx
import pytest
from opentelemetry.trace import SpanKind, StatusCode

import obskit
from obskit.metrics import render

CALLS = "obskit_dependency_calls_total"
OUTCOMES = ("ok", "error", "timeout", "cancelled", "rejected")


def calls(captured, operation="charge"):
    labels = {"dependency": "payments", "operation": operation}
    return {outcome: captured.value(CALLS, **labels, outcome=outcome) for outcome in OUTCOMES}


def test_call_is_a_client_span_below_the_current_one_with_an_exemplar(captured):
    with obskit.span("request"), obskit.dependency("payments", "charge") as span:
        span.set_attribute("amount", 3)
    sent = captured.span("payments charge")
    assert sent.kind is SpanKind.CLIENT
    assert sent.parent.span_id == captured.span("request").context.span_id
    assert sent.attributes["peer.service"] == "payments"
    assert sent.attributes["obskit.dependency.outcome"] == "ok"
    assert sent.attributes["amount"] == 3
    page = render(captured.telemetry.registry, "application/openmetrics-text")[0].decode()
    observed = [line for line in page.splitlines() if line.startswith("obskit_dependency_duration_seconds_b")]
    assert any(f"{sent.context.trace_id:032x}" in line and "# {" in line for line in observed)


def test_every_outcome_is_shown_at_0_from_the_first_call_on(captured):
    with obskit.dependency("payments", "charge"):
        assert calls(captured) == dict.fromkeys(OUTCOMES, 0)
        for kind in ("cached", "default", "replica"):
            assert captured.value("obskit_fallbacks_total", dependency="payments", kind=kind) == 0
    assert calls(captured)["ok"] == 1


def test_spans_inside_are_children_and_the_context_is_as_before_after_it(captured):
    with obskit.span("request"):
        with obskit.dependency("payments", "charge"), obskit.span("inner"):
            pass
        with obskit.span("after"):
            pass
    assert captured.span("inner").parent.span_id == captured.span("payments charge").context.span_id
    assert captured.span("after").parent.span_id == captured.span("request").context.span_id


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("no"), "error"),
        (TimeoutError("late"), "timeout"),
        (httpx.ReadTimeout("late"), "timeout"),
        (httpx.ConnectError("gone"), "error"),
        (KeyboardInterrupt(), "cancelled"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_raised_goes_on_and_is_counted_by_what_it_means(captured, error, outcome):
    with pytest.raises(type(error)), obskit.dependency("payments", "charge"):
        raise error
    assert calls(captured) == {**dict.fromkeys(OUTCOMES, 0), outcome: 1}
    labels = {"dependency": "payments", "operation": "charge", "error_type": type(error).__name__}
    assert captured.value("obskit_dependency_duration_seconds_count", **labels) == 1
    span = captured.span("payments charge")
    assert span.attributes["error.type"] == type(error).__name__
    assert (span.status.status_code is StatusCode.ERROR) == (outcome != "cancelled")


def test_timeout_that_a_client_wraps_in_its_own_error_is_a_timeout(captured):
    with pytest.raises(LookupError), obskit.dependency("payments", "charge"):
        raise LookupError("the upstream failed") from httpx.ReadTimeout("late")
    assert calls(captured)["timeout"] == 1
    assert captured.span("payments charge").attributes["error.type"] == "LookupError"


def test_timeout_inside_the_block_and_cancellation_from_outside_are_told_apart(captured):
    async def call(operation):
        async with obskit.dependency("payments", operation), asyncio.timeout(0.01):
            await asyncio.sleep(3600)

    async def scenario():
        with pytest.raises(TimeoutError):
            await call("charge")
        async with obskit.dependency("payments", "refund"):
            pass
        task = asyncio.create_task(call_forever())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def call_forever():
        async with obskit.dependency("payments", "refund"):
            await asyncio.sleep(3600)

    asyncio.run(scenario())
    assert calls(captured)["timeout"] == 1
    refunds = calls(captured, "refund")
    assert (refunds["cancelled"], refunds["timeout"], refunds["error"]) == (1, 0, 0)


def test_concurrent_calls_do_not_take_each_other_for_their_parent(captured):
    async def call(number):
        async with obskit.dependency("payments", f"op{number}"):
            await asyncio.sleep(0)

    async def scenario():
        with obskit.span("request"):
            await asyncio.gather(*map(call, range(3)))

    asyncio.run(scenario())
    request = captured.span("request").context.span_id
    assert {captured.span(f"payments op{number}").parent.span_id for number in range(3)} == {request}
