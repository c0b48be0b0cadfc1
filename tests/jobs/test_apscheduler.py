"""APScheduler: its jobs are ours, with what only a scheduler knows: missed and refused runs."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED
from apscheduler.executors.pool import ProcessPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import create_engine

import obskit

PATIENT = {"misfire_grace_time": None}
"""A run that a slow machine starts late is still wanted."""


@pytest.fixture
def scheduler():
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults=PATIENT)
    yield scheduler
    if scheduler.running:
        scheduler.pause()
        # Its thread fails when it is stopped while it removes a job that had its one run.
        with scheduler._jobstores_lock:
            pass
        scheduler.shutdown()


def metric(captured, name, job, **labels):
    return captured.value(f"obskit_job_{name}", job_name=job, **labels)


def nothing():
    """Do nothing."""


def test_known_and_later_jobs_are_shown_with_their_longest_gap_before_they_run(captured, scheduler):
    scheduler.add_job(nothing, "interval", hours=6, name="sweep")
    scheduler.start(paused=True)
    obskit.instrument(obskit.instrument(scheduler))
    scheduler.add_job(nothing, "cron", day_of_week="mon-fri", hour=3, name="weekdays")
    scheduler.add_job(nothing, "date", run_date=datetime.now(UTC) + timedelta(days=1), name="once")
    assert metric(captured, "expected_interval_seconds", "sweep") == 6 * 3600
    assert metric(captured, "expected_interval_seconds", "weekdays") == 3 * 86400
    assert metric(captured, "expected_interval_seconds", "once") is None
    assert metric(captured, "runs_total", "weekdays", outcome="failed") == 0


def test_runs_are_observed_as_runs_of_a_job(captured, scheduler, wait_for):
    done = threading.Event()

    def sweep(rows):
        obskit.get_logger().info("swept", rows=rows)
        done.set()
        raise ValueError("no disk")

    obskit.instrument(scheduler)
    scheduler.start()
    scheduler.add_job(sweep, "date", args=[3], name="sweep")
    assert done.wait(30)
    wait_for(lambda: metric(captured, "runs_total", "sweep", outcome="failed") == 1, "the run's end")
    wait_for(lambda: captured.spans, "the run's span")
    span = captured.span("job sweep")
    assert captured.events("swept")[0]["trace_id"] == f"{span.context.trace_id:032x}"
    assert metric(captured, "lateness_seconds", "sweep") >= 0
    (failed,) = captured.events("job.failed")
    assert failed["exception"]["message"] == "no disk"
    assert not [line for line in captured.lines if line["logger"].startswith("apscheduler.executors")]


def test_async_jobs_are_awaited(captured):
    async def sweep():
        await asyncio.sleep(0)

    async def scenario():
        done = asyncio.Event()
        scheduler = obskit.instrument(AsyncIOScheduler(timezone="UTC", job_defaults=PATIENT))
        scheduler.add_listener(lambda _: done.set(), EVENT_JOB_EXECUTED)
        scheduler.start()
        scheduler.add_job(sweep, "date", name="sweep")
        async with asyncio.timeout(30):
            await done.wait()
        scheduler.shutdown()

    asyncio.run(scenario())
    assert captured.span("job sweep").attributes["obskit.job.outcome"] == "ok"
    assert metric(captured, "runs_total", "sweep", outcome="ok") == 1


def test_job_of_obskit_in_a_scheduler_is_observed_once_under_its_own_name(captured, scheduler, wait_for):
    @obskit.job("nightly-report")
    def report():
        """Return nothing."""

    obskit.instrument(scheduler)
    scheduler.start()
    scheduler.add_job(report, "interval", hours=24, next_run_time=datetime.now(UTC))
    wait_for(lambda: metric(captured, "runs_total", "nightly-report", outcome="ok"), "the run")
    assert metric(captured, "runs_total", "nightly-report", outcome="ok") == 1
    assert metric(captured, "expected_interval_seconds", "nightly-report") == 86400
    assert metric(captured, "runs_total", "report", outcome="ok") is None


def test_missed_run_is_counted_and_logged(captured, scheduler, wait_for):
    obskit.instrument(scheduler)
    scheduler.start(paused=True)
    scheduler.add_job(
        nothing, "date", run_date=datetime.now(UTC) - timedelta(hours=1), misfire_grace_time=1, name="sweep"
    )
    scheduler.resume()
    wait_for(lambda: metric(captured, "missed_runs_total", "sweep") == 1, "the missed run")
    assert captured.events("job.missed")[0]["job"] == "sweep"
    assert metric(captured, "runs_total", "sweep", outcome="ok") == 0


def test_run_that_is_refused_because_one_still_runs_is_an_overlap(captured, scheduler, wait_for):
    leave = threading.Event()
    obskit.instrument(scheduler)
    scheduler.start()
    scheduler.add_job(leave.wait, "interval", args=[30], seconds=0.05, max_instances=1, name="slow")
    wait_for(lambda: metric(captured, "overlaps_total", "slow"), "a refused run")
    scheduler.pause()
    leave.set()
    assert captured.events("job.skipped")[0]["job"] == "slow"
    wait_for(lambda: metric(captured, "runs_total", "slow", outcome="ok") == 1, "the first run's end")


def test_job_that_is_removed_is_not_expected_any_more(captured, scheduler):
    obskit.instrument(scheduler)
    scheduler.start(paused=True)
    scheduled = scheduler.add_job(nothing, "interval", hours=6, name="sweep")
    scheduled.remove()
    assert metric(captured, "expected_interval_seconds", "sweep") == float("inf")


def test_job_that_is_scheduled_twice_is_expected_until_both_are_removed(captured, scheduler):
    obskit.instrument(scheduler)
    scheduler.start(paused=True)
    first = scheduler.add_job(nothing, "interval", hours=6, name="twice")
    scheduler.add_job(nothing, "interval", hours=6, name="twice")
    first.remove()
    assert metric(captured, "expected_interval_seconds", "twice") == 6 * 3600
    scheduler.remove_all_jobs()
    assert metric(captured, "expected_interval_seconds", "twice") == float("inf")


def test_jobs_of_a_store_are_shown_when_the_scheduler_starts_again(captured, tmp_path, wait_for):
    def scheduler():
        store = SQLAlchemyJobStore(engine=create_engine(f"sqlite:///{tmp_path}/jobs.db"))
        made = BackgroundScheduler(timezone="UTC", jobstores={"default": store}, job_defaults=PATIENT)
        return obskit.instrument(made)

    first = scheduler()
    first.start(paused=True)
    first.add_job(time.sleep, "interval", args=[0], hours=6, name="stored", id="s")
    first.shutdown()
    obskit.shutdown()
    registry = obskit.init(log_format="none").registry
    second = scheduler()
    second.start()
    labels = {"job_name": "stored"}
    assert registry.get_sample_value("obskit_job_expected_interval_seconds", labels) == 6 * 3600
    runs = {**labels, "outcome": "ok"}
    second.modify_job("s", next_run_time=datetime.now(UTC))
    wait_for(lambda: registry.get_sample_value("obskit_job_runs_total", runs) == 1, "the stored job's run")
    second.shutdown()


def test_runs_in_other_processes_are_counted(captured, wait_for):
    pool = ProcessPoolExecutor(1, pool_kwargs={"mp_context": get_context("spawn")})
    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": pool}, job_defaults=PATIENT)
    obskit.instrument(scheduler)
    scheduler.start()
    scheduler.add_job(time.sleep, "date", args=[0], name="sweep")
    scheduler.add_job(time.sleep, "date", args=["long"], name="broken")
    wait_for(lambda: metric(captured, "runs_total", "sweep", outcome="ok") == 1, "the run")
    wait_for(lambda: metric(captured, "runs_total", "broken", outcome="failed") == 1, "the failed run")
    scheduler.shutdown()


def test_other_objects_of_the_package_are_refused():
    with pytest.raises(obskit.InstrumentError, match="scheduler of APScheduler 3"):
        obskit.instrument(ProcessPoolExecutor(1))
