"""Spans for the user's own code."""

import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from obskit._version import __version__
from obskit.redaction import redact_text

__all__ = ["fail", "span", "traced"]

_F = TypeVar("_F", bound=Callable[..., Any])


def _tracer() -> trace.Tracer:
    # The global provider at the time of the call: a span made before init() costs nothing.
    return trace.get_tracer("obskit", __version__)


def fail(current: Span, error: BaseException) -> None:
    """Mark *current* as failed with *error*: ``error.type``, status, and one exception event.

    The text is redacted, for a message may quote what the user sent.
    """
    if not current.is_recording():
        return
    kind = type(error).__qualname__
    text = redact_text(str(error))
    current.set_attribute("error.type", kind)
    current.set_status(StatusCode.ERROR, text)
    current.add_event("exception", {"exception.type": kind, "exception.message": text})


@contextmanager
def span(name: str, *, kind: SpanKind = SpanKind.INTERNAL, **attributes: Any) -> Iterator[Span]:
    """Run a block as a span called *name*.

    An exception marks the span as failed and goes on. Attribute values are strings,
    numbers, booleans or lists of one of them, as OpenTelemetry says.
    """
    current = _tracer().start_span(name, kind=kind, attributes=attributes)
    with trace.use_span(current, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield current
        except Exception as error:
            fail(current, error)
            raise


def traced(function: _F) -> _F:
    """Run each call of *function* as a span named after it.

    1. Plain and async functions: the span is current while they run.
    2. Generators and async generators: the span covers first to last item but is not made
       current, for a context held across ``yield`` leaks into whoever iterates.
    """
    name = function.__qualname__
    if inspect.isasyncgenfunction(function):
        return cast("_F", _traced_async_generator(function, name))
    if inspect.isgeneratorfunction(function):
        return cast("_F", _traced_generator(function, name))
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
def _detached(name: str) -> Iterator[None]:
    current = _tracer().start_span(name)
    try:
        yield
    except Exception as error:
        fail(current, error)
        raise
    finally:
        current.end()


def _traced_generator(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with _detached(name):
            return (yield from function(*args, **kwargs))

    return run


def _traced_async_generator(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with _detached(name):
            # asend() and athrow() reach the wrapped generator through its own frame only in
            # "yield from", which async generators do not have; plain iteration is what they are for.
            async for item in function(*args, **kwargs):
                yield item

    return run
