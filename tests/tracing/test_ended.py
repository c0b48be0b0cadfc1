"""Spans that are made when they are over already."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

import obskit
from obskit.tracing import left_out, record_ended

START, END = 1_000, 3_000


@pytest.fixture
def record(captured):
    """Record one span, as a topic of obskit does."""
    tracing = captured.telemetry.tracing

    def call(name="lookup", **more):
        attributes = {"db.system.name": "sqlite"}
        return record_ended(
            tracing.provider,
            tracing.tracer,
            name,
            attributes,
            kind=SpanKind.CLIENT,
            start_ns=START,
            end_ns=END,
            **more,
        )

    return call


class Foreign(SpanProcessor):
    """A processor of somebody else, who wants to see spans start."""

    def __init__(self):
        self.started = []

    def on_start(self, span, parent_context=None):  # noqa: ARG002 - the SDK's interface
        self.started.append(span.name)


def check(captured, context, outer):
    span = captured.span("lookup")
    assert (span.start_time, span.end_time, span.kind) == (START, END, SpanKind.CLIENT)
    assert span.parent.span_id == outer.get_span_context().span_id
    assert span.context.trace_id == outer.get_span_context().trace_id
    assert span.context.span_id == context.span_id != outer.get_span_context().span_id
    assert dict(span.attributes) == {"db.system.name": "sqlite"}
    assert span.resource.attributes["service.name"] == "testing"
    assert span.instrumentation_scope.name == "obskit"


def test_span_is_a_child_of_the_current_one(captured, record):
    with obskit.span("outer") as outer:
        context = record()
    check(captured, context, outer)
    assert captured.span("lookup").status.status_code is StatusCode.UNSET


def test_failure_is_its_status(captured, record):
    with obskit.span("outer"):
        record(failed="Refused")
    status = captured.span("lookup").status
    assert (status.status_code, status.description) == (StatusCode.ERROR, "Refused")


def test_processor_of_somebody_else_sees_the_span_start(captured, record):
    foreign = Foreign()
    captured.telemetry.tracing.provider.add_span_processor(foreign)
    with obskit.span("outer") as outer:
        context = record()
    assert foreign.started == ["outer", "lookup"]
    check(captured, context, outer)


def test_span_without_a_parent_is_a_root(captured, record):
    assert not left_out()
    context = record(failed="Refused")
    span = captured.span("lookup")
    assert span.parent is None
    assert span.context.span_id == context.span_id
    assert (span.start_time, span.end_time) == (START, END)
    assert span.status.description == "Refused"


def test_child_of_an_unsampled_parent_is_left_out(captured):
    above = trace.SpanContext(1, 2, is_remote=False, trace_flags=trace.TraceFlags(0))
    with trace.use_span(trace.NonRecordingSpan(above)):
        assert left_out()
    with obskit.span("outer"):
        assert not left_out()
