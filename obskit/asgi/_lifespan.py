"""Wraps the application's lifespan: telemetry starts before it and flushes after it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from obskit._typing import ASGIApp, Message, Receive, Scope, Send
from obskit.asgi._loop import LoopWatch
from obskit.health import drain_on_sigterm

if TYPE_CHECKING:
    from obskit.asgi._middleware import Owner

__all__ = ["lifespan"]


async def lifespan(app: ASGIApp, owner: "Owner", scope: Scope, receive: Receive, send: Send) -> None:
    """Run *app*'s lifespan, watch its two answers, and drain on SIGTERM in between."""
    restore: list[Callable[[], None]] = []

    def undo() -> None:
        while restore:
            restore.pop()()

    async def watched(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            owner.health.started = True
            owner.metrics.runtime.watch_loop()
            if owner.settings.loop_blocked_ms:
                restore.append(LoopWatch(owner.pipe, owner.settings.loop_blocked_ms / 1000).stop)
            restore.append(drain_on_sigterm(owner.health, owner.settings.drain_s))
        elif message["type"].startswith("lifespan.shutdown"):
            owner.health.started = False
            undo()  # first of all: a flush holds the loop, and on purpose
            owner.flush()
        await send(message)

    try:
        await app(scope, receive, watched)
    finally:
        undo()
