"""The end of a task."""

import asyncio
from typing import Any

__all__ = ["end"]

_AGAIN_S = 0.5


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel *task* and wait until it has ended, however it ends.

    More than once if need be: in Python 3.11 ``asyncio.wait_for``, which clients of the broker
    and the mail provider use, forgets a cancellation that comes together with its result.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN_S)
