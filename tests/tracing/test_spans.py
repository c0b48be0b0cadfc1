"""Spans for the user's own code."""

import asyncio
from contextvars import copy_context

import pytest
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


def test_secret_in_an_exception_does_not_reach_the_span(captured):
    with pytest.raises(ValueError, match="hunter2"), obskit.span("login"):
        raise ValueError("cannot reach https://admin:hunter2@db/")
    failed = captured.span("login")
    assert "hunter2" not in str(failed.status.description)
    assert "hunter2" not in str([dict(event.attributes) for event in failed.events])


@pytest.mark.parametrize(
    "block", [lambda: obskit.span("held"), lambda: obskit.dependency("held", "")], ids=["span", "dependency"]
)
def test_span_that_ends_in_another_context_than_it_began_in_costs_no_error(captured, caplog, block):
    def session():
        with block():
            yield

    held = session()
    copy_context().run(next, held)  # as FastAPI does, a thread for each end of a dependency
    copy_context().run(held.close)
    with obskit.span("after"):
        pass
    assert captured.span("after").parent is None
    assert captured.spans[0].name.startswith("held")
    assert not caplog.records


def test_span_in_an_async_generator_that_is_left_early_costs_no_error(captured, caplog):
    async def pages():
        with obskit.span("pages"):
            yield 1
            yield 2

    async def take_one():
        return await anext(pages())

    asyncio.run(take_one())
    assert captured.span("pages")
    assert not caplog.records
