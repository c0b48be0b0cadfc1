"""NATS core and JetStream (nats-py)."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from obskit.messaging._headers import PUBLISHED_AT
from obskit.messaging._publish import Owner, Published

__all__ = ["install", "received"]

_MARK = "_obskit_instrumented"
_INTERNAL = ("$", "_INBOX.")
"""Subjects of NATS's own protocol: JetStream's API, acknowledgements and replies."""


def install(target: Any, owner: Callable[[], Owner]) -> None:
    """Instrument a NATS connection, or a JetStream context, so that what it publishes is observed.

    JetStream contexts that the connection hands out later are instrumented too; there the
    span lasts until the broker has stored the message.
    """
    if getattr(target, _MARK, False):
        return
    setattr(target, _MARK, True)
    target.publish = _observed(target.publish, owner)
    if hasattr(target, "jetstream"):
        target.jetstream = _instrumenting(target.jetstream, owner)


def _instrumenting(jetstream: Callable[..., Any], owner: Callable[[], Owner]) -> Callable[..., Any]:
    @wraps(jetstream)
    def run(**options: Any) -> Any:
        context = jetstream(**options)
        install(context, owner)
        return context

    return run


def _observed(publish: Callable[..., Any], owner: Callable[[], Owner]) -> Callable[..., Any]:
    @wraps(publish)
    async def run(subject: str, payload: bytes = b"", *args: Any, **kwargs: Any) -> Any:
        headers = kwargs.get("headers") or {}
        # JetStream publishes through the connection: the message has our headers by then.
        if PUBLISHED_AT in headers or subject.startswith(_INTERNAL):
            return await publish(subject, payload, *args, **kwargs)
        headers = dict(headers)
        with Published(owner(), headers, system="nats", destination=subject):
            return await publish(subject, payload, *args, **{**kwargs, "headers": headers})

    return run


def received(message: Any) -> tuple[str, Mapping[str, str], int, str]:
    """Return system, headers, delivery number and message id of a NATS message."""
    headers = message.headers or {}
    delivery = 1
    if message.reply.startswith("$JS.ACK."):  # a core message has no metadata and raises
        delivery = message.metadata.num_delivered
    return "nats", headers, delivery, headers.get("Nats-Msg-Id", "")
