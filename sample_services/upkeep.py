"""Work that a service repeats beside its requests: at an interval, or at a time of the day."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy.exc import SQLAlchemyError

import obskit
from sample_services.failures import BrokerError
from sample_services.faults import Faults, InjectedFaultError
from sample_services.tasks import end

__all__ = ["every", "on_schedule"]

_GRACE_S = 3600


@asynccontextmanager
async def every(
    interval_s: float,
    work: Callable[[], Awaitable[object]],
    *,
    name: str | None = None,
    faults: Faults | None = None,
) -> AsyncIterator[None]:
    """Run *work* at once and then each *interval_s* seconds after it ended, while the block runs.

    A database or broker that is away ends one round, with a log line, and not the rounds. The next
    one comes after half the interval then: one failure alone leaves no gap of two intervals.
    With a *name* each round is observed as a run of that job. *faults* act at ``<name>`` in a
    run, and at ``<name>.start`` they leave it out.
    """
    log = obskit.get_logger()

    async def faulty() -> None:
        if faults is not None and name:
            await faults.at(name)
        await work()

    run = obskit.job(name, every=interval_s)(faulty) if name else work

    async def rounds() -> None:
        while True:
            wait_s = interval_s
            try:
                if faults is None or not faults.divert(f"{name}.start"):
                    await run()
            except (BrokerError, InjectedFaultError, SQLAlchemyError) as error:
                log.warning("upkeep.failed", work=work.__qualname__, error=type(error).__name__)
                wait_s = interval_s / 2
            await asyncio.sleep(wait_s)

    task = asyncio.create_task(rounds())
    try:
        yield
    finally:
        await end(task)


@asynccontextmanager
async def on_schedule(name: str, cron: str, work: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run *work* whenever *cron* (five fields, UTC) says so while the block runs, as the job *name*.

    A run whose time passed while the service was busy is made up for within an hour; two
    runs at a time are one too many, and the second is left out.
    """
    scheduler = obskit.instrument(AsyncIOScheduler(timezone="UTC"))
    trigger = CronTrigger.from_crontab(cron, timezone="UTC")
    scheduler.add_job(work, trigger, name=name, misfire_grace_time=_GRACE_S, coalesce=True, max_instances=1)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
