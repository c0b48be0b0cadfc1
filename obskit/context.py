"""The request-scoped bag of fields.

The bag is one mutable object for a request, not a context variable that is rebound:
a ``bind`` in a sync dependency, a worker thread or a nested task therefore reaches
the access line, which a rebound variable would not.
"""

from collections.abc import Callable
from contextvars import ContextVar, Token, copy_context
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from obskit._guard import guarded
from obskit.errors import InstrumentError

__all__ = ["RequestScope", "bind", "bound", "carry", "enter", "in_context", "leave", "unbind"]


_P = ParamSpec("_P")
_R = TypeVar("_R")


class RequestScope:
    """What one request, message or job carries: bound fields and hooks that run at its end."""

    __slots__ = (
        "_hooks",
        "attributes",
        "destination",
        "entered",
        "fields",
        "flow_start",
        "request_id",
        "route",
        "statements",
    )

    def __init__(self, request_id: str | None = None, *, flow_start: float | None = None) -> None:
        self.request_id = request_id
        self.flow_start = flow_start
        """When the chain of calls and messages began, in Unix seconds."""
        self.fields: dict[str, Any] = {}
        self.attributes: dict[str, Any] = {}
        """What parts below add to the SERVER or CONSUMER span; its owner sets them when it ends."""
        self.route = ""
        """Route template of a request, known when it has been answered."""
        self.destination = ""
        """Subject or topic of a message."""
        self.entered = False
        """Whether somebody will end it: what counts until the end must not count for ever."""
        self.statements: Any = None
        """What ``obskit.db`` counts of this request."""
        self._hooks: list[Callable[[], None]] | None = None

    def on_end(self, hook: Callable[[], None]) -> None:
        """Run *hook* when the scope ends; a hook that fails is counted, not raised."""
        if self._hooks is None:
            self._hooks = []
        self._hooks.append(hook)

    def end(self) -> None:
        """Run the end hooks, latest first."""
        while self._hooks:
            with guarded("request end hook"):
                self._hooks.pop()()


_current: ContextVar[RequestScope | None] = ContextVar("obskit_scope", default=None)


def bound() -> RequestScope | None:
    """Return the scope of the current request, message or job, or None outside any."""
    return _current.get()


def enter(scope: RequestScope) -> Token[RequestScope | None]:
    """Make *scope* current and return the token for :func:`leave`."""
    scope.entered = True
    return _current.set(scope)


def leave(scope: RequestScope, token: Token[RequestScope | None]) -> None:
    """Run the scope's end hooks and restore what was current before."""
    scope.end()
    _current.reset(token)


def bind(**fields: Any) -> None:
    """Add *fields* to every log line of the current request, its access line included.

    Works from sync dependencies, threads that carry the context, and nested tasks.
    Outside a request the fields stay with the current task or thread.
    """
    scope = _current.get()
    if scope is None:
        scope = RequestScope()
        _current.set(scope)
    scope.fields.update(fields)


def unbind(*names: str) -> None:
    """Remove bound fields by name; names that are not bound are ignored."""
    scope = _current.get()
    if scope is not None:
        for name in names:
            scope.fields.pop(name, None)


def in_context(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return *function* such that it runs in the context of now, whichever thread calls it.

    The current span, the request's bound fields and other context variables then reach a
    thread: ``Thread(target=obskit.in_context(work))`` or
    ``loop.run_in_executor(None, obskit.in_context(work))``. ``asyncio.to_thread``, sync
    routes and sync dependencies need none of it: they copy the context themselves. May be
    called many times and at once.
    """
    captured = copy_context()

    @wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        # A context can be entered once at a time; its copy is as cheap as a pointer.
        return captured.copy().run(function, *args, **kwargs)

    return run


def carry(executor: Any) -> None:
    """Make each ``submit`` to *executor* take the submitter's context along; a second call changes nothing.

    Raises:
        InstrumentError: *executor* runs in other processes, which no context reaches.
    """
    from concurrent.futures import ThreadPoolExecutor  # who has an executor has loaded it

    if not isinstance(executor, ThreadPoolExecutor):
        msg = (
            f"instrument() cannot carry the context into a {type(executor).__qualname__}; "
            "pass a ThreadPoolExecutor, or hand what is needed to the function as an argument."
        )
        raise InstrumentError(msg)
    if "submit" in vars(executor):
        return
    submit = executor.submit

    def submit_in_context(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(in_context(function), *args, **kwargs)

    executor.submit = submit_in_context  # type: ignore[method-assign]  # map() and run_in_executor() go through it
