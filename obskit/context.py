"""The request-scoped bag of fields.

The bag is one mutable object for a request, not a context variable that is rebound:
a ``bind`` in a sync dependency, a worker thread or a nested task therefore reaches
the access line, which a rebound variable would not.
"""

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any

from obskit._guard import guarded

__all__ = ["RequestScope", "bind", "bound", "enter", "leave", "unbind"]


class RequestScope:
    """What one request, message or job carries: bound fields and hooks that run at its end."""

    __slots__ = ("_hooks", "fields", "flow_start", "request_id")

    def __init__(self, request_id: str | None = None, *, flow_start: float | None = None) -> None:
        self.request_id = request_id
        self.flow_start = flow_start
        """When the chain of calls and messages began, in Unix seconds."""
        self.fields: dict[str, Any] = {}
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
