"""Tells a repeated request from a new one, whichever retry library repeats it.

A redirect is known from the request itself, to which the client hands on the extensions. A
retry is a request of its own to the client: it is known by what the same task sent last. A
request with the method and URL of one that has just failed there is its next attempt.
"""

import time
from contextvars import ContextVar
from typing import Any, NamedTuple

__all__ = ["after_failure", "after_success", "resends"]

_SENDS = "obskit.sends"
"""Extension of a request: how often it, or what it was redirected from, was sent."""

_FORGET_S = 60.0
"""Longer than any pause between two attempts; a poll that fails for hours is no retry."""


class _Failure(NamedTuple):
    method: str
    url: str
    sends: int
    at: float


_failure: ContextVar[_Failure | None] = ContextVar("obskit_http_failure", default=None)


def resends(request: Any) -> tuple[int, bool]:
    """Count this sending of *request*; return how often it was sent before, and whether it is a retry."""
    before = request.extensions.get(_SENDS, 0)
    failed = _failed(request)
    if failed is not None:
        before = failed.sends
    request.extensions[_SENDS] = before + 1
    return before, failed is not None


def after_failure(request: Any) -> None:
    """Remember *request*: if the same comes again from this task, it is a retry."""
    _failure.set(
        _Failure(request.method, str(request.url), request.extensions.get(_SENDS, 1), time.monotonic())
    )


def after_success(request: Any) -> None:
    """Forget *request*, if it was remembered."""
    if _failed(request) is not None:
        _failure.set(None)


def _failed(request: Any) -> _Failure | None:
    failure = _failure.get()
    if failure is None or time.monotonic() - failure.at > _FORGET_S:
        return None
    same = (failure.method, failure.url) == (request.method, str(request.url))
    return failure if same else None
