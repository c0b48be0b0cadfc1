"""Processes whose event loop is blocked, whose memory grows, or whose processor is busy."""

import mmap
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import obskit
from sample_services.faults._active import Active, Mechanism

__all__ = ["BlockLoop", "LeakMemory"]

_MB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLoop(Mechanism):
    """A call that does not await stops the event loop, *seconds* long at 100 %, every *every_s* seconds."""

    seconds: float
    every_s: float

    def running(self, on: Active) -> AbstractAsyncContextManager[None]:
        """Block it again and again."""

        async def block() -> None:
            with obskit.span("report.render"):
                on.leave_evidence(seconds=self.seconds * on.share)
                time.sleep(self.seconds * on.share)  # noqa: ASYNC251 - the fault itself

        return on.repeating(max(0.05, self.every_s - self.seconds * on.share), block)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakMemory(Mechanism):
    """Memory is kept that nobody needs: *mb_per_s* at 100 %, until *most_mb* are held."""

    mb_per_s: float
    most_mb: int

    @asynccontextmanager
    async def running(self, on: Active) -> AsyncIterator[None]:
        """Hold more each half second, and give all of it back at the end."""
        held: list[mmap.mmap] = []
        size = max(1, round(self.mb_per_s * on.share / 2 * _MB))

        async def leak() -> None:
            if (len(held) + 1) * size > self.most_mb * _MB:
                return
            # Mapped and not allocated, so that the system has it back as soon as it is let go.
            page = mmap.mmap(-1, size)
            page.write(b"\x01" * size)
            held.append(page)
            on.leave_evidence(held_mb=round(len(held) * size / _MB, 1))

        try:
            async with on.repeating(0.5, leak):
                yield
        finally:
            for page in held:
                page.close()
