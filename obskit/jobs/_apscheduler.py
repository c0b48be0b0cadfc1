"""APScheduler 3: each job of a scheduler becomes one of ours."""

import inspect
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from apscheduler import events
from apscheduler.executors.pool import ProcessPoolExecutor
from apscheduler.schedulers.base import BaseScheduler

from obskit._guard import guarded
from obskit.errors import InstrumentError
from obskit.jobs._job import LOGGED, Job, job_of
from obskit.jobs._owner import GetOwner
from obskit.jobs._schedule import Schedule, longest_gap

__all__ = ["watch_scheduler"]

_MARK = "_obskit_watch"
_RUNS_LOOKED_AT = 600
"""Enough to see the weekend of a job that runs each five minutes in office hours."""
_JOBS_KEPT = 10_000
"""A job with one run is removed before its run ends: its name is still wanted then."""

_MORE = events.EVENT_SCHEDULER_STARTED | events.EVENT_JOBSTORE_ADDED
_KNOWN = events.EVENT_JOB_ADDED | events.EVENT_JOB_MODIFIED
_ELSEWHERE = {events.EVENT_JOB_EXECUTED: "ok", events.EVENT_JOB_ERROR: "failed"}


def watch_scheduler(scheduler: Any, owner: GetOwner, declare: Callable[[Job], Job]) -> None:
    """Observe every job of *scheduler*, those it has and those to come; a second call changes nothing.

    A job is known by its ``name``, which is its function's unless one is given, or by the name
    of its ``obskit.job``. Runs in a ``ProcessPoolExecutor`` happen elsewhere: they are
    counted, without a span and a duration.

    Raises:
        InstrumentError: *scheduler* is not a scheduler of APScheduler 3.
    """
    if not isinstance(scheduler, BaseScheduler):
        msg = (
            f"instrument() does not know {type(scheduler).__qualname__!r}; pass a scheduler of APScheduler 3."
        )
        raise InstrumentError(msg)
    if hasattr(scheduler, _MARK):
        return
    watch = _Watch(scheduler, owner, declare)
    setattr(scheduler, _MARK, watch)
    scheduler.add_listener(watch.on_event)
    # The executors are made at start, and this is the method that the scheduler asks for them.
    scheduler._lookup_executor = watch.observing(scheduler._lookup_executor)  # noqa: SLF001
    watch.know_all()


class _Watch:
    def __init__(self, scheduler: Any, owner: GetOwner, declare: Callable[[Job], Job]) -> None:
        self._scheduler = scheduler
        self._owner = owner
        self._declare = declare
        self._by_name: dict[str, Job] = {}
        self._by_id: OrderedDict[str, Job] = OrderedDict()
        self._elsewhere: set[str] = set()

    def know(self, scheduled: Any) -> Job:
        """Return our job for APScheduler's, with the schedule that it has now."""
        job = job_of(scheduled.func) or self._by_name.get(scheduled.name)
        if job is None:
            job = self._by_name[scheduled.name] = Job(scheduled.name, None, self._owner)
        if job_of(scheduled.func) is None or job.schedule is None:
            job.schedule = _schedule(scheduled.trigger, self._scheduler.timezone)
        self._by_id[scheduled.id] = job
        if len(self._by_id) > _JOBS_KEPT:
            self._by_id.popitem(last=False)
        return self._declare(job)

    def know_all(self) -> None:
        """Meet every job of the scheduler: those of a job store come without an event."""
        for scheduled in self._scheduler.get_jobs():
            self.know(scheduled)

    def on_event(self, event: Any) -> None:
        """Take an event of the scheduler."""
        with guarded("APScheduler telemetry"):
            if event.code & _MORE:
                self.know_all()
            elif event.code & _KNOWN:
                self._meet(event)
            elif event.code == events.EVENT_ALL_JOBS_REMOVED:
                for job_id, job in self._by_id.items():
                    self._unschedule(job_id, job)
            else:
                self._on_job_event(event)

    def _on_job_event(self, event: Any) -> None:
        job = self._by_id.get(getattr(event, "job_id", ""))
        if job is None:
            return
        if event.code == events.EVENT_JOB_MISSED:
            job.missed()
        elif event.code == events.EVENT_JOB_MAX_INSTANCES:
            job.refused()
        elif event.code == events.EVENT_JOB_REMOVED:
            self._unschedule(event.job_id, job)
        elif event.code in _ELSEWHERE and event.job_id in self._elsewhere:
            job.count(_ELSEWHERE[event.code])

    def _meet(self, event: Any) -> None:
        scheduled = self._scheduler.get_job(event.job_id, event.jobstore)
        if scheduled is not None:
            self.know(scheduled)

    def _unschedule(self, job_id: str, job: Job) -> None:
        """Expect no further run of *job*, unless the scheduler has it under another id too."""
        others = (other for other, each in self._by_id.items() if each is job and other != job_id)
        if job.schedule is not None and not any(self._scheduler.get_job(other) for other in others):
            job.unschedule()

    def observing(self, lookup: Callable[[str], Any]) -> Callable[[str], Any]:
        """Return *lookup* so that the executor it gives observes what it runs."""

        def find(alias: str) -> Any:
            executor = lookup(alias)
            if not hasattr(executor, _MARK):
                logging.getLogger(f"apscheduler.executors.{alias}").addFilter(_logged_once)
                setattr(executor, _MARK, self)
                executor.submit_job = self._submitting(executor, executor.submit_job)
            return executor

        return find

    def _submitting(
        self, executor: Any, submit: Callable[[Any, list[datetime]], None]
    ) -> Callable[..., None]:
        def submit_job(scheduled: Any, run_times: list[datetime]) -> None:
            if isinstance(executor, ProcessPoolExecutor):
                self._elsewhere.add(scheduled.id)
            elif _can_be_wrapped(scheduled.func):
                job = self._by_id.get(scheduled.id) or self.know(scheduled)
                scheduled = _Observed(scheduled, job, run_times[-1].timestamp())
            submit(scheduled, run_times)

        return submit_job


def _can_be_wrapped(function: Callable[..., Any]) -> bool:
    generator = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    return not generator and job_of(function) is None


def _logged_once(record: logging.LogRecord) -> bool:
    """Drop APScheduler's lines about a run that has its own: started, finished, or raised."""
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        return not getattr(error, LOGGED, False)
    return record.levelno > logging.INFO


class _Observed:
    """A scheduled job whose function is observed; everything else is the job's own."""

    def __init__(self, scheduled: Any, job: Job, due: float) -> None:
        self._scheduled = scheduled
        self.func = job.wrap(scheduled.func, due)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduled, name)

    def __str__(self) -> str:
        return str(self._scheduled)


def _schedule(trigger: Any, timezone: Any) -> Schedule | None:
    """Return when *trigger* fires, or None where it does not fire twice."""
    times: list[float] = []
    previous, now = None, datetime.now(timezone)
    wanted = 2 if hasattr(trigger, "interval_length") else _RUNS_LOOKED_AT
    while len(times) < wanted:
        previous = trigger.get_next_fire_time(previous, now)
        if previous is None:
            break
        times.append(previous.timestamp())
        now = previous
    try:
        gap_s = longest_gap(times)
    except ValueError:
        return None
    return Schedule(gap_s, lambda after: after + gap_s)
