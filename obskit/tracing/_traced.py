"""Spans around calls of the user's own functions, of whatever kind."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import aclosing, contextmanager
from functools import wraps
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from opentelemetry import trace
from opentelemetry.context import Context

from obskit.tracing._spans import fail, inside, span, tracer

__all__ = ["traced"]

_F = TypeVar("_F", bound=Callable[..., Any])


def traced(function: _F) -> _F:
    """Run each call of *function* as a span named after it.

    1. Plain and async functions: the span is current while they run.
    2. Generators and async generators: the span covers first to last item. It is current
       while their own code runs and not while whoever iterates has the item, so it is
       neither lost nor leaked across ``yield``. What is sent or thrown in arrives, so
       dependencies of FastAPI and context managers work.

    An exception marks the span as failed, with ``error.type``, and goes on. The kind of
    the function, its name and its signature stay.
    """
    name = function.__qualname__
    if inspect.isasyncgenfunction(function):
        return cast("_F", _async_generator(function, name))
    if inspect.isgeneratorfunction(function):
        return cast("_F", _generator(function, name))
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with span(name):
                return await function(*args, **kwargs)

        return cast("_F", run_async)

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with span(name):
            return function(*args, **kwargs)

    return cast("_F", run)


@contextmanager
def _spanning(name: str) -> Iterator[Context]:
    """Keep a span open without making it current; gives the context in which it is."""
    current = tracer().start_span(name)
    try:
        yield trace.set_span_in_context(current)
    except Exception as error:
        fail(current, error)
        raise
    finally:
        current.end()


class _Steps(Generator[Any, Any, Any]):
    """A generator, each step of which runs in a context."""

    def __init__(self, inner: Generator[Any, Any, Any], inside: Context) -> None:
        self._inner = inner
        self._inside = inside

    def send(self, value: Any) -> Any:
        with inside(self._inside):
            return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        with inside(self._inside):
            return self._inner.throw(*error)

    def close(self) -> None:
        with inside(self._inside):
            self._inner.close()


def _generator(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with _spanning(name) as spanned:
            return (yield from _Steps(function(*args, **kwargs), spanned))

    return run


class _Received:
    """What came in at a ``yield``: a value, or an exception that is to be thrown further in."""

    def __init__(self) -> None:
        self.value: Any = None
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> bool:
        self.error = error
        return error is not None and not isinstance(error, GeneratorExit)

    def step(self, items: AsyncGenerator[Any, Any]) -> Awaitable[Any]:
        """Hand what came in to *items* and return what awaits the next one."""
        return items.asend(self.value) if self.error is None else items.athrow(self.error)


def _async_generator(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with _spanning(name) as spanned:
            # There is no "yield from" for async generators; this is what it would do.
            async with aclosing(function(*args, **kwargs)) as items:
                received = _Received()
                while True:
                    try:
                        with inside(spanned):
                            item = await received.step(items)
                    except StopAsyncIteration:
                        return
                    with _Received() as received:
                        received.value = yield item

    return run
