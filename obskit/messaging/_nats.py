"""NATS core, request-reply and JetStream (nats-py)."""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from obskit.messaging._owner import Owner
from obskit.messaging._publish import Published

__all__ = ["install"]

_MARK = "_obskit_instrumented"
_INTERNAL = ("$", "_INBOX.")
"""Subjects of NATS's own protocol: JetStream's API, acknowledgements and replies."""

_is_inside: ContextVar[bool] = ContextVar("obskit_nats_publishing", default=False)
"""JetStream publishes through a request of the connection, and that through its publish: one span is enough."""


def install(target: Any, owner: Callable[[], Owner]) -> None:
    """Instrument a NATS connection, or a JetStream context, so that what it publishes is observed.

    JetStream contexts that the connection hands out later are instrumented too; there the
    span lasts until the broker has stored the message, and with ``request`` until the reply.
    """
    if getattr(target, _MARK, False):
        return
    setattr(target, _MARK, True)
    target.publish = _observed(target.publish, owner, "publish")
    if hasattr(target, "request"):
        target.request = _observed(target.request, owner, "request")
    if hasattr(target, "publish_async"):
        target.publish_async = _observed(target.publish_async, owner, "publish")
    if hasattr(target, "jetstream"):
        target.jetstream = _instrumenting(target.jetstream, owner)


def _instrumenting(jetstream: Callable[..., Any], owner: Callable[[], Owner]) -> Callable[..., Any]:
    @wraps(jetstream)
    def run(**options: Any) -> Any:
        context = jetstream(**options)
        install(context, owner)
        return context

    return run


def _observed(send: Callable[..., Any], owner: Callable[[], Owner], operation: str) -> Callable[..., Any]:
    place = list(inspect.signature(send).parameters).index("headers") - 2  # after subject and payload

    @wraps(send)
    async def run(subject: str, payload: bytes = b"", *args: Any, **kwargs: Any) -> Any:
        if subject.startswith(_INTERNAL) or _is_inside.get():
            return await send(subject, payload, *args, **kwargs)
        given = args[place] if len(args) > place else kwargs.get("headers")
        headers = dict(given or {})
        if len(args) > place:
            args = (*args[:place], headers, *args[place + 1 :])
        else:
            kwargs["headers"] = headers
        token = _is_inside.set(True)
        try:
            with Published(owner(), headers, system="nats", destination=subject, operation=operation):
                return await send(subject, payload, *args, **kwargs)
        finally:
            _is_inside.reset(token)

    return run
