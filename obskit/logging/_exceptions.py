"""Exceptions as objects: ``{type, message, stacktrace, cause}``."""

import sys
from traceback import TracebackException
from typing import Any

from structlog.processors import StackInfoRenderer

__all__ = ["describe", "error_of", "stack_of", "was_logged"]

_FRAMES = 100
_CAUSES = 10
_MEMBERS = 20
_LOGGED = "__obskit_logged__"
_STACK = StackInfoRenderer(additional_ignores=["obskit.logging"])


def error_of(exc_info: object) -> BaseException | None:
    """Return the exception that *exc_info* means: an exception, a triple, or true for the current one."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return error_of(exc_info[1]) if len(exc_info) > 1 else None
    return sys.exc_info()[1] if exc_info else None


def stack_of(stack_info: object) -> str:
    """Return the stack that *stack_info* means: a text from the standard library, or true for the caller's."""
    return stack_info if isinstance(stack_info, str) else str(_STACK(None, "", {"stack_info": True})["stack"])


def was_logged(error: BaseException | None) -> bool:
    """Tell whether *error*, or what a task group wrapped into it alone, has been on a log line already."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return getattr(error, _LOGGED, False)


def describe(error: BaseException) -> dict[str, Any]:
    """Return *error* as plain fields, its causes nested in ``cause``, a group's members in ``exceptions``.

    The cause is what the code named with ``raise ... from``, else what was being handled,
    unless the code said ``from None``. Only the innermost 100 frames, the first 10 causes
    and 20 members are kept; cycles end where they began.
    """
    vars(error)[_LOGGED] = True
    # TracebackException survives errors whose own __str__ fails, and breaks cycles.
    return _node(error, TracebackException.from_exception(error, limit=-_FRAMES, compact=True), _CAUSES)


def _node(error: BaseException, seen: TracebackException, causes_left: int) -> dict[str, Any]:
    only = "".join(seen.format_exception_only())
    frames = "".join(seen.stack.format())
    node: dict[str, Any] = {
        "type": _type_name(type(error)),
        "message": str(seen),
        "stacktrace": f"Traceback (most recent call last):\n{frames}{only}" if frames else only,
        "cause": _cause(error, seen, causes_left - 1),
    }
    if isinstance(error, BaseExceptionGroup) and seen.exceptions and causes_left:
        members = zip(error.exceptions[:_MEMBERS], seen.exceptions, strict=False)
        node["exceptions"] = [_node(member, its, causes_left - 1) for member, its in members]
    return node


def _cause(error: BaseException, seen: TracebackException, causes_left: int) -> dict[str, Any] | None:
    if causes_left <= 0:
        return None
    if error.__cause__ is not None and seen.__cause__ is not None:
        return _node(error.__cause__, seen.__cause__, causes_left)
    hidden = error.__suppress_context__ or error.__context__ is None or seen.__context__ is None
    return None if hidden else _node(error.__context__, seen.__context__, causes_left)  # type: ignore[arg-type]  # hidden covers None


def _type_name(kind: type[BaseException]) -> str:
    return (
        kind.__qualname__
        if kind.__module__ in {"builtins", "__main__"}
        else f"{kind.__module__}.{kind.__qualname__}"
    )
