"""Types that more than one topic needs."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["ASGIApp", "Check", "Fields", "Message", "Receive", "Scope", "Send"]

Fields = MutableMapping[str, Any]
"""The fields of one log line, before rendering (structlog's event_dict)."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Check = Callable[[], Any]
"""A health check: sync or async, returns when healthy and raises when not."""
