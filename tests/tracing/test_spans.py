"""Spans for the user's own code."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

import obskit


def test_span_has_its_attributes_and_its_parent(captured):
    with obskit.span("outer"), obskit.span("inner", sku="A-1"):
        pass
    inner = captured.span("inner")
    assert inner.attributes["sku"] == "A-1"
    assert inner.parent.span_id == captured.span("outer").context.span_id


def test_exception_marks_the_span_and_goes_on(captured):
    with pytest.raises(KeyError), obskit.span("price"):
        raise KeyError("sku")
    failed = captured.span("price")
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "KeyError"
    assert len(failed.events) == 1


def test_traced_wraps_the_four_kinds_of_callable(captured):
    @obskit.traced
    def plain():
        return trace.get_current_span().is_recording()

    @obskit.traced
    async def coroutine():
        await asyncio.sleep(0)
        return trace.get_current_span().is_recording()

    @obskit.traced
    def generator():
        yield 1
        yield 2

    @obskit.traced
    async def async_generator():
        yield 1
        yield 2

    async def collect():
        return [item async for item in async_generator()]

    assert plain()
    assert asyncio.run(coroutine())
    assert list(generator()) == asyncio.run(collect()) == [1, 2]
    assert [span.name.rpartition(".")[2] for span in captured.spans] == [
        "plain",
        "coroutine",
        "generator",
        "async_generator",
    ]


def test_traced_generator_does_not_leak_its_span_into_the_loop_body(captured):
    @obskit.traced
    def generator():
        yield 1

    for _ in generator():
        assert not trace.get_current_span().is_recording()


def test_traced_coroutine_is_measured_to_its_end(captured):
    @obskit.traced
    async def slow():
        inner = obskit.span("inner")
        with inner:
            await asyncio.sleep(0)

    asyncio.run(slow())
    outer = captured.spans[1]
    assert outer.end_time >= captured.span("inner").end_time


def test_secret_in_an_exception_does_not_reach_the_span(captured):
    with pytest.raises(ValueError, match="hunter2"), obskit.span("login"):
        raise ValueError("cannot reach https://admin:hunter2@db/")
    failed = captured.span("login")
    assert "hunter2" not in str(failed.status.description)
    assert "hunter2" not in str([dict(event.attributes) for event in failed.events])
