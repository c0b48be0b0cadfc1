"""Jobs: each call is a run with a span, a scope, an outcome, and the times that alerts need."""

import asyncio
import gc
import threading
from datetime import timedelta

import pytest
from opentelemetry.trace import StatusCode

import obskit
from obskit.jobs import Job, interval_schedule

NAME = "nightly-report"


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


def value(captured, metric, **labels):
    return captured.value(f"obskit_job_{metric}", job_name=NAME, **labels)


def runs(captured):
    return {
        outcome: value(captured, "runs_total", outcome=outcome) for outcome in ("ok", "failed", "cancelled")
    }


def test_series_are_there_before_the_first_run_of_a_job_that_is_made_before_init():
    @obskit.job("never-runs", every="24h")
    def report():
        """Return nothing."""

    registry = obskit.init(log_format="none").registry
    labels = {"job_name": "never-runs"}
    assert registry.get_sample_value("obskit_job_expected_interval_seconds", labels) == 86400
    assert registry.get_sample_value("obskit_job_last_success_timestamp_seconds", labels) > 1_700_000_000
    assert registry.get_sample_value("obskit_job_runs_total", {**labels, "outcome": "failed"}) == 0
    assert registry.get_sample_value("obskit_job_overlaps_total", labels) == 0
    assert registry.get_sample_value("obskit_job_missed_runs_total", labels) == 0
    assert report.__name__ == "report"


def test_job_that_is_let_go_of_is_not_shown_any_more():
    obskit.job("forgotten", every=60)(len)
    gc.collect()
    registry = obskit.init(log_format="none").registry
    assert registry.get_sample_value("obskit_job_in_progress", {"job_name": "forgotten"}) is None


def test_run_is_a_root_span_linked_to_its_caller_with_a_scope_of_its_own(captured):
    log = obskit.get_logger()

    @obskit.job(NAME, every="24h")
    def report(rows):
        obskit.bind(rows=rows)
        log.info("report.written")
        with obskit.span("query"):
            return rows * 2

    with obskit.span("request"):
        assert report(3) == 6
        log.info("after")
    run, request = captured.span(f"job {NAME}"), captured.span("request")
    assert run.parent is None
    assert run.context.trace_id != request.context.trace_id
    assert [link.context.span_id for link in run.links] == [request.context.span_id]
    assert captured.span("query").parent.span_id == run.context.span_id
    (written,), (after,) = captured.events("report.written"), captured.events("after")
    assert (written["rows"], written["trace_id"]) == (3, f"{run.context.trace_id:032x}")
    assert "rows" not in after
    assert after["trace_id"] == f"{request.context.trace_id:032x}"


def test_successful_run_is_counted_timed_and_logged(captured):
    clock = Clock()
    job = Job(NAME, interval_schedule("1h"), obskit.init, clock)
    clock.now += 60

    @job.wrap
    async def report():
        assert value(captured, "in_progress") == 1
        assert value(captured, "started_timestamp_seconds") == clock.now

    asyncio.run(report())
    assert runs(captured) == {"ok": 1, "failed": 0, "cancelled": 0}
    assert value(captured, "in_progress") == 0
    assert value(captured, "last_success_timestamp_seconds") == clock.now
    assert value(captured, "duration_seconds_count", outcome="ok") == 1
    (started,), (finished,) = captured.events("job.started"), captured.events("job.finished")
    assert started["trace_id"] == finished["trace_id"]
    assert (finished["job"], finished["outcome"]) == (NAME, "ok")
    assert finished["duration_ms"] >= 0


def test_failed_run_is_raised_on_and_leaves_the_last_success_as_it_was(captured):
    clock = Clock()
    job = Job(NAME, interval_schedule("1h"), obskit.init, clock)
    registered, clock.now = clock.now, clock.now + 60

    @job.wrap
    def report():
        raise ValueError("no rows")

    with pytest.raises(ValueError, match="no rows"):
        report()
    assert runs(captured) == {"ok": 0, "failed": 1, "cancelled": 0}
    assert value(captured, "last_success_timestamp_seconds") == registered
    (line,) = captured.events("job.failed")
    assert (line["level"], line["exception"]["type"]) == ("error", "ValueError")
    span = captured.span(f"job {NAME}")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["obskit.job.outcome"] == "failed"


def test_cancelled_run_is_neither_a_success_nor_a_failure(captured):
    @obskit.job(NAME)
    async def report():
        await asyncio.sleep(3600)

    async def scenario():
        task = asyncio.create_task(report())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert runs(captured) == {"ok": 0, "failed": 0, "cancelled": 1}
    assert not captured.events("job.failed")


@pytest.mark.parametrize(("code", "outcome"), [(0, "ok"), (None, "ok"), (3, "failed"), ("no disk", "failed")])
def test_script_that_exits_says_itself_how_it_went(captured, code, outcome):
    @obskit.job(NAME)
    def report():
        raise SystemExit(code)

    with pytest.raises(SystemExit):
        report()
    assert runs(captured)[outcome] == 1


def test_run_that_starts_while_another_one_runs_is_an_overlap(captured):
    entered, leave = threading.Event(), threading.Event()

    @obskit.job(NAME)
    def report(wait):
        if wait:
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=report, args=(True,))
    thread.start()
    assert entered.wait(30)
    assert value(captured, "overlaps_total") == 0
    report(False)
    leave.set()
    thread.join()
    report(False)
    assert value(captured, "overlaps_total") == 1
    assert value(captured, "in_progress") == 0
    assert runs(captured)["ok"] == 3
    assert [line.get("overlapping", False) for line in captured.events("job.started")] == [False, True, False]


def test_lateness_counts_from_the_first_run_that_was_due(captured):
    clock = Clock()
    job = Job(NAME, interval_schedule(timedelta(hours=1)), obskit.init, clock)
    report = job.wrap(lambda: None)
    clock.now += 3600 + 90
    report()
    assert value(captured, "lateness_seconds") == 90
    clock.now += 600
    report()
    assert value(captured, "lateness_seconds") == 0
    (late, early) = captured.events("job.started")
    assert late["late_s"] == 90
    assert "late_s" not in early


def test_generator_is_refused_because_nobody_sees_its_end():
    def rows():
        yield 1

    with pytest.raises(obskit.ConfigError, match="generator"):
        obskit.job("rows")(rows)


def test_two_schedules_are_refused():
    with pytest.raises(obskit.ConfigError, match="give the one that starts it"):
        obskit.job(NAME, every="1h", cron="0 * * * *")
