"""Tail sampling: what the sampler left out is kept when it failed or was slow."""

import os
import time

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, set_span_in_context

import obskit
from obskit.tracing import exemplar

REMOTE = SpanContext(trace_id=7, span_id=8, is_remote=True)


@pytest.fixture
def begin():
    """Turn telemetry on with nothing sampled, and give what reaches the exporter's queue."""

    def run(**settings):
        arguments = {"traces_sampler": "parentbased_always_off", "traces_tail": True, **settings}
        telemetry = obskit.init(
            service="tail", log_format="none", otlp_endpoint="http://127.0.0.1:9", **arguments
        )
        queued = []
        telemetry.tracing.exporter._start = lambda: None
        telemetry.tracing.exporter._queue = queue = type("Kept", (list,), {"popleft": list.pop})()
        assert not queued
        return telemetry, queue

    return run


def names(queue):
    return sorted(span.name for span in queue)


def test_an_error_anywhere_keeps_the_whole_trace(begin):
    _, queue = begin()
    with obskit.span("fine"):
        pass
    with obskit.span("root"):
        with obskit.span("good"):
            pass
        with pytest.raises(KeyError), obskit.span("bad"):
            raise KeyError
        assert not queue
    assert names(queue) == ["bad", "good", "root"]
    assert not any(span.context.trace_flags.sampled for span in queue)


def test_a_slow_root_keeps_its_trace(begin):
    telemetry, queue = begin(traces_slow_ms=50)
    with obskit.span("quick"):
        pass
    began = time.time_ns()
    root = telemetry.tracing.tracer.start_span("slow", start_time=began)
    assert exemplar(root) is None
    root.end(began + 60_000_000)
    assert names(queue) == ["slow"]
    assert exemplar(root) == {
        "trace_id": f"{root.context.trace_id:032x}",
        "span_id": f"{root.context.span_id:016x}",
    }


def test_a_caller_that_does_not_sample_makes_a_local_root(begin):
    telemetry, queue = begin()
    parent = set_span_in_context(NonRecordingSpan(REMOTE), Context())
    first, second = (telemetry.tracing.tracer.start_span(name, context=parent) for name in ("a", "b"))
    child = telemetry.tracing.tracer.start_span("child", context=set_span_in_context(second))
    first.end()
    second.set_status(StatusCode.ERROR)
    second.end()
    child.end()
    assert names(queue) == ["a", "b", "child"]


def test_sampled_traces_are_exported_as_ever_and_once(begin):
    _, queue = begin(traces_sampler="always_on")
    with pytest.raises(KeyError), obskit.span("bad"):
        raise KeyError
    assert names(queue) == ["bad"]


def test_memory_is_bounded_and_what_had_no_room_is_counted(begin, monkeypatch):
    monkeypatch.setattr("obskit.tracing._tail._SPANS", 5)
    monkeypatch.setattr("obskit.tracing._tail._TRACES", 3)
    telemetry, queue = begin()
    with obskit.span("root") as root:
        for _ in range(10):
            with obskit.span("child"):
                pass
        root.set_status(StatusCode.ERROR)
    assert names(queue) == ["child"] * 5
    assert telemetry.tracing.dropped["tail_full"] == 6
    opened = [telemetry.tracing.tracer.start_span("never ended", context=Context()) for _ in range(100)]
    assert len(telemetry.tracing.exporter._tail._waiting) == 3
    assert opened


def test_without_tail_nothing_is_recorded(begin):
    _, queue = begin(traces_tail=False)
    with obskit.span("bad") as span:
        assert not span.is_recording()
        span.set_status(StatusCode.ERROR)
    assert not queue


@pytest.mark.parametrize(
    ("sampler", "ratio", "sampled"),
    [
        ("always_on", None, 200),
        ("always_off", None, 0),
        ("parentbased_always_on", None, 200),
        ("parentbased_always_off", None, 0),
        ("traceidratio", "0", 0),
        ("parentbased_traceidratio", "1", 200),
    ],
)
def test_samplers_are_chosen_by_the_standard_variables(monkeypatch, sampler, ratio, sampled):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    if ratio is not None:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", ratio)
    tracer = obskit.init(service="head", log_format="none").tracing.tracer
    spans = [tracer.start_span("x", context=Context()) for _ in range(200)]
    assert sum(span.get_span_context().trace_flags.sampled for span in spans) == sampled


@pytest.mark.parametrize(
    ("variable", "value", "accepted"),
    [
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "0 to 1"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan", "0 to 1"),
    ],
)
def test_a_wrong_sampler_is_refused(monkeypatch, variable, value, accepted):
    monkeypatch.setenv(variable, value)
    with pytest.raises(obskit.ConfigError, match=accepted):
        obskit.init(service="head")


def test_a_forked_child_sends_and_counts_nothing_of_its_parent(begin):
    telemetry, _ = begin()
    telemetry.tracing.exporter.dropped["queue_full"] = 3
    root = telemetry.tracing.tracer.start_span("of the parent")
    child = os.fork()
    if not child:
        clean = not telemetry.tracing.dropped and not telemetry.tracing.exporter._tail._waiting
        os._exit(0 if clean else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert telemetry.tracing.dropped == {"queue_full": 3}
    root.end()
