"""Spans of calls, for the four kinds of callable, with what is sent and thrown into generators."""

import asyncio
import inspect
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from opentelemetry import trace
from starlette.testclient import TestClient

import obskit


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


@obskit.traced
def echo():
    got = "ready"
    while True:
        with obskit.span("step"):
            try:
                got = yield got
            except LookupError:
                got = "caught"


@obskit.traced
async def async_echo():
    got = "ready"
    while True:
        with obskit.span("step"):
            try:
                got = yield got
            except LookupError:
                got = "caught"


def parents(captured):
    root = next(span for span in captured.spans if span.name.endswith("echo"))
    steps = [span for span in captured.spans if span.name == "step"]
    assert steps
    return {step.parent.span_id for step in steps} == {root.context.span_id}


def test_what_is_sent_and_thrown_into_a_generator_arrives(captured):
    items = echo()
    assert [next(items), items.send("a"), items.throw(LookupError())] == ["ready", "a", "caught"]
    items.close()
    assert parents(captured)


def test_what_is_sent_and_thrown_into_an_async_generator_arrives(captured):
    async def use():
        items = async_echo()
        seen = [await anext(items), await items.asend("a"), await items.athrow(LookupError())]
        assert not trace.get_current_span().is_recording()
        await items.aclose()
        return seen

    assert asyncio.run(use()) == ["ready", "a", "caught"]
    assert parents(captured)


def test_a_generator_that_is_left_early_ends_its_span_without_an_error(captured):
    for _ in (items := echo()):
        break
    items.close()
    span = next(span for span in captured.spans if span.name == "echo")
    assert span.status.is_unset


def test_failure_of_a_generator_marks_its_span(captured):
    @obskit.traced
    def generator():
        yield 1
        raise KeyError("sku")

    with pytest.raises(KeyError):
        list(generator())
    assert captured.spans[0].attributes["error.type"] == "KeyError"


def test_traced_context_managers_see_what_their_block_raises(captured):
    seen = []

    @contextmanager
    @obskit.traced
    def transaction():
        try:
            yield
        except ValueError as error:
            seen.append(error)
            raise

    @asynccontextmanager
    @obskit.traced
    async def async_transaction():
        try:
            yield
        except ValueError as error:
            seen.append(error)
            raise

    async def use():
        async with async_transaction():
            raise ValueError("second")

    with pytest.raises(ValueError, match="first"), transaction():
        raise ValueError("first")
    with pytest.raises(ValueError, match="second"):
        asyncio.run(use())
    assert [str(error) for error in seen] == ["first", "second"]


def test_traced_functions_stay_what_they_are():
    assert inspect.isgeneratorfunction(echo)
    assert inspect.isasyncgenfunction(async_echo)
    assert async_echo.__name__ == "async_echo"


def test_traced_dependencies_of_fastapi_work(captured):
    closed = []

    @obskit.traced
    async def session():
        yield "open"
        closed.append(True)

    @obskit.traced
    def user(token: str):
        return token

    app = FastAPI()

    @app.get("/")
    @obskit.traced
    async def show(session: Annotated[str, Depends(session)], user: Annotated[str, Depends(user)]):
        return session + user

    with TestClient(app) as client:
        assert client.get("/", params={"token": "t"}).json() == "opent"
    assert closed == [True]
