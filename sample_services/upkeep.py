"""Work that a service repeats beside its requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError

import obskit
from sample_services.broker import BrokerError

__all__ = ["every"]


@asynccontextmanager
async def every(interval_s: float, work: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run *work* at once and then each *interval_s* seconds after it ended, while the block runs.

    A database or broker that is away ends one round, with a log line, and not the rounds.
    """
    log = obskit.get_logger()

    async def rounds() -> None:
        while True:
            try:
                await work()
            except (BrokerError, SQLAlchemyError) as error:
                log.warning("upkeep.failed", work=work.__qualname__, error=type(error).__name__)
            await asyncio.sleep(interval_s)

    task = asyncio.create_task(rounds())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
