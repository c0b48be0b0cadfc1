import logging

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from obskit.tracing._quick import QuickSpan, quick_tracer, set_plain


class Watching(SpanProcessor):
    started = 0

    def on_start(self, span, parent_context=None):  # noqa: ARG002 - the SDK calls it so
        self.started += 1
        span.set_attribute("seen.at.start", True)


@pytest.fixture
def made():
    def make(sampler=DEFAULT_ON, *processors):
        exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        for processor in (SimpleSpanProcessor(exporter), *processors):
            provider.add_span_processor(processor)
        return quick_tracer(provider, "bench", "1"), exporter

    return make


def below(flags):
    parent = SpanContext(0xA, 0xB, is_remote=True, trace_flags=TraceFlags(flags))
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def test_span_is_what_the_sdk_would_have_made(made):
    tracer, exporter = made()
    span = tracer.start_span("quick", Context(), SpanKind.SERVER, {"one": 1, "text": "x"})
    assert isinstance(span, QuickSpan)
    set_plain(span, {"more": True})
    span.update_name("named")
    span.set_status(StatusCode.ERROR, "why")
    span.add_event("happened", {"what": "it"})
    span.add_link(SpanContext(1, 2, is_remote=True))
    span.end()
    (ended,) = exporter.get_finished_spans()
    assert (ended.name, ended.kind, ended.parent) == ("named", SpanKind.SERVER, None)
    assert dict(ended.attributes) == {"one": 1, "text": "x", "more": True}
    assert (ended.status.status_code, ended.status.description) == (StatusCode.ERROR, "why")
    assert [event.name for event in ended.events] == ["happened"]
    assert [link.context.span_id for link in ended.links] == [2]
    assert ended.start_time <= ended.end_time
    assert ended.instrumentation_scope.name == "bench"
    assert ended.context.trace_flags == TraceFlags(3)  # sampled, and a random trace id
    assert '"name": "named"' in ended.to_json()


def test_what_a_user_sets_is_checked_as_the_sdk_checks_it(made):
    tracer, exporter = made()
    span = tracer.start_span("checked", Context(), attributes={"first": 1})
    span.set_attribute("", "no name")
    for number in range(200):
        span.set_attribute(f"a{number}", number)
    set_plain(span, {"last": "one"})
    span.end()
    (ended,) = exporter.get_finished_spans()
    assert len(ended.attributes) == 128
    assert ended.attributes["last"] == "one"
    assert "first" not in ended.attributes


def test_attributes_are_copied(made):
    tracer, exporter = made()
    given = {"sizes": [1, 2]}
    span = tracer.start_span("copied", Context(), attributes=given)
    given["sizes"].append(3)
    span.end()
    assert exporter.get_finished_spans()[0].attributes["sizes"] == (1, 2)


def test_ended_span_changes_no_more_and_is_handed_on_once(made, caplog):
    tracer, exporter = made()
    span = tracer.start_span("once", Context())
    span.end()
    with caplog.at_level(logging.ERROR):
        span.end()
        span.set_attribute("late", 1)
        set_plain(span, {"late": 1})
    (ended,) = exporter.get_finished_spans()
    assert not span.is_recording()
    assert "late" not in ended.attributes


@pytest.mark.parametrize(("flags", "recorded"), [(0, False), (1, True), (3, True)])
def test_child_does_what_its_caller_did(made, flags, recorded):
    tracer, _ = made()
    span = tracer.start_span("child", below(flags))
    context = span.get_span_context()
    assert span.is_recording() is recorded
    assert (context.trace_id, context.trace_flags) == (0xA, flags)
    assert context.is_valid
    assert not context.is_remote


def test_attributes_of_what_is_left_out_are_never_made(made):
    tracer, exporter = made(ALWAYS_OFF)

    def costly():
        raise AssertionError

    span = tracer.start_later("left out", Context(), SpanKind.SERVER, costly)
    span.end()
    assert span.get_span_context().is_valid
    assert exporter.get_finished_spans() == ()


def test_sampler_by_ratio_decides_by_the_trace_id(made):
    tracer, _ = made(TraceIdRatioBased(0.5))
    ratio = TraceIdRatioBased(0.5)
    for _ in range(50):
        span = tracer.start_span("ratio", Context())
        wanted = ratio.should_sample(None, span.get_span_context().trace_id, "ratio").decision.is_sampled()
        assert span.is_recording() is wanted


def test_somebody_elses_processor_sees_the_span_start(made):
    watching = Watching()
    tracer, exporter = made(DEFAULT_ON, watching)
    span = tracer.start_span("watched", Context())
    span.end()
    assert watching.started == 1
    assert exporter.get_finished_spans()[0].attributes["seen.at.start"] is True
    assert not isinstance(span, QuickSpan)


def test_processor_that_joins_later_is_asked_from_then_on(made):
    tracer, _ = made()
    assert isinstance(tracer.start_span("before", Context()), QuickSpan)
    watching = Watching()
    tracer.span_processor.add_span_processor(watching)
    assert not isinstance(tracer.start_span("after", Context()), QuickSpan)
    assert watching.started == 1


def test_links_at_the_start_are_kept(made):
    tracer, exporter = made()
    tracer.start_span("linked", Context(), links=[Link(SpanContext(1, 2, is_remote=True))]).end()
    assert len(exporter.get_finished_spans()[0].links) == 1
