"""One job of a process: what its runs are counted, timed and logged as."""

import inspect
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, get_current_span, set_span_in_context

from obskit import context as request_context
from obskit._guard import guarded
from obskit.catalog import (
    JOB_DURATION,
    JOB_IN_PROGRESS,
    JOB_INTERVAL,
    JOB_LAST_SUCCESS,
    JOB_LATENESS,
    JOB_MISSED,
    JOB_OVERLAPS,
    JOB_RUNS,
    JOB_STARTED,
    Metric,
)
from obskit.errors import ConfigError
from obskit.jobs._owner import GetOwner, Owner
from obskit.jobs._schedule import Schedule
from obskit.tracing import exemplar, fail

__all__ = ["JOB_OUTCOMES", "LOGGED", "Job", "job_of"]

_F = TypeVar("_F", bound=Callable[..., Any])

_MARK = "__obskit_job__"
LOGGED = "__obskit_logged__"
"""On an exception that has its line, so that a scheduler's own line about it can be left out."""
JOB_OUTCOMES = ("ok", "failed", "cancelled")


class Job:
    """A named job; runs may overlap, in tasks and in threads."""

    def __init__(
        self,
        name: str,
        schedule: Schedule | None,
        owner: GetOwner,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.owner = owner
        self.clock = clock
        self.schedule = schedule
        self._lock = threading.Lock()
        self._running = 0
        # A job that never succeeded is late an interval after the process first knew of it.
        self._last_success = clock()
        self._last_start: float | None = None
        self._served_until = self._last_success

    def declare(self, owner: Owner) -> None:
        """Show the job's series before its first run, so that a run that never comes is seen."""
        metrics, name = owner.metrics, self.name
        for outcome in JOB_OUTCOMES:
            metrics.counter(JOB_RUNS, name, outcome)
        metrics.counter(JOB_OVERLAPS, name)
        metrics.counter(JOB_MISSED, name)
        metrics.gauge(JOB_LATENESS, name)
        metrics.gauge(JOB_IN_PROGRESS, name).set(self._running)
        metrics.gauge(JOB_STARTED, name).set(self._last_start or 0)
        metrics.gauge(JOB_LAST_SUCCESS, name).set(self._last_success)
        if self.schedule is not None:
            metrics.gauge(JOB_INTERVAL, name).set(self.schedule.interval_s)

    def unschedule(self) -> None:
        """Expect no further run: its scheduler has removed it."""
        if self.schedule is not None:
            self.schedule = None
            self.owner().metrics.gauge(JOB_INTERVAL, self.name).set(float("inf"))

    def wrap(self, function: _F, due: float | None = None) -> _F:
        """Return *function* with each of its calls as one run; what it raises goes on.

        *due* is when the next call should start, in Unix seconds, where the schedule does not say.

        Raises:
            ConfigError: *function* is a generator, whose end nobody sees.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            msg = f"job {self.name!r} is a generator function; use a plain or an async function."
            raise ConfigError(msg)
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                with Run(self, due):
                    return await function(*args, **kwargs)

            return cast("_F", _marked(run_async, self))

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with Run(self, due):
                return function(*args, **kwargs)

        return cast("_F", _marked(run, self))

    def missed(self) -> None:
        """Count a run that the scheduler left out because its time had passed."""
        self._skipped(JOB_MISSED, "job.missed")

    def refused(self) -> None:
        """Count a run that the scheduler did not start because another one still runs."""
        self._skipped(JOB_OVERLAPS, "job.skipped")

    def count(self, outcome: str) -> None:
        """Count a run that was seen to end only, because it happened in another process."""
        metrics, name = self.owner().metrics, self.name
        metrics.counter(JOB_RUNS, name, outcome).inc()
        if outcome == "ok":
            self._last_success = self.clock()
            metrics.gauge(JOB_LAST_SUCCESS, name).set(self._last_success)

    def _skipped(self, metric: Metric, event: str) -> None:
        owner = self.owner()
        owner.metrics.counter(metric, self.name).inc()
        owner.pipe.emit("warning", event, {"job": self.name})

    def begin(self, due: float | None) -> tuple[bool, float]:
        """Note a start; return whether it overlaps another run, and how late it is, in seconds."""
        now, owner = self.clock(), self.owner()
        with self._lock:
            if due is None:
                due = self.schedule.next_after(self._served_until) if self.schedule is not None else now
            self._last_start = self._served_until = now
            overlaps = self._running > 0
            self._running += 1
            owner.metrics.gauge(JOB_IN_PROGRESS, self.name).set(self._running)
        late_s = max(0.0, now - due)
        metrics, name = owner.metrics, self.name
        metrics.gauge(JOB_STARTED, name).set(now)
        metrics.gauge(JOB_LATENESS, name).set(late_s)
        if overlaps:
            metrics.counter(JOB_OVERLAPS, name).inc()
        return overlaps, late_s

    def end(self, outcome: str) -> None:
        """Note the end of a run."""
        now, metrics, name = self.clock(), self.owner().metrics, self.name
        with self._lock:
            self._running -= 1
            if outcome == "ok":
                self._last_success = now
            metrics.gauge(JOB_IN_PROGRESS, name).set(self._running)
            metrics.gauge(JOB_LAST_SUCCESS, name).set(self._last_success)
        metrics.counter(JOB_RUNS, name, outcome).inc()


def job_of(function: Callable[..., Any]) -> Job | None:
    """Return the job that observes the calls of *function*, or None."""
    job = getattr(function, _MARK, None)
    return job if isinstance(job, Job) else None


def _marked(function: Callable[..., Any], job: Job) -> Callable[..., Any]:
    setattr(function, _MARK, job)
    return function


class Run:
    """One run: a root span of its own, a request scope for its log lines, and its outcome."""

    def __init__(self, job: Job, due: float | None) -> None:
        self._job = job
        self._due = due
        self._overlaps, self._late_s = False, 0.0

    def __enter__(self) -> None:
        job = self._job
        self._started = time.perf_counter()
        caller = get_current_span().get_span_context()
        root = Context()
        self._span = job.owner().tracing.tracer.start_span(
            f"job {job.name}",
            context=root,
            kind=SpanKind.INTERNAL,
            attributes={"obskit.job.name": job.name},
            # Who starts a job by hand finds it from their trace; the job's time is not theirs.
            links=[Link(caller)] if caller.is_valid else [],
        )
        self._scope = request_context.RequestScope(f"{self._span.get_span_context().trace_id:032x}")
        self._scope_token = request_context.enter(self._scope)
        self._token = otel_context.attach(set_span_in_context(self._span, root))
        with guarded("job telemetry"):
            self._begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        duration_s = time.perf_counter() - self._started
        with guarded("job telemetry"):
            self._end(error, duration_s)
        otel_context.detach(self._token)
        request_context.leave(self._scope, self._scope_token)

    def _begin(self) -> None:
        job = self._job
        # Declared again by each run: telemetry may have been off when the job was made.
        job.declare(job.owner())
        self._overlaps, self._late_s = job.begin(self._due)
        fields: dict[str, Any] = {"job": job.name}
        if self._late_s:
            fields["late_s"] = round(self._late_s, 3)
        if self._overlaps:
            fields["overlapping"] = True
        self._span.set_attribute("obskit.job.lateness_s", self._late_s)
        job.owner().pipe.emit("warning" if self._overlaps else "info", "job.started", fields)

    def _end(self, error: BaseException | None, duration_s: float) -> None:
        outcome, job = _outcome(error), self._job
        job.end(outcome)
        link = exemplar(self._span)
        job.owner().metrics.histogram(JOB_DURATION, job.name, outcome).observe(duration_s, link)
        self._span.set_attribute("obskit.job.outcome", outcome)
        fields: dict[str, Any] = {"job": job.name, "duration_ms": round(duration_s * 1000, 3)}
        if outcome == "failed" and error is not None:
            fail(self._span, error)
            job.owner().pipe.emit("error", "job.failed", {**fields, "exc_info": error})
            with suppress(AttributeError):  # an exception class with slots
                setattr(error, LOGGED, True)
        else:
            job.owner().pipe.emit("info", "job.finished", {**fields, "outcome": outcome})
        self._span.end()


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, SystemExit):  # a script's sys.exit() says itself whether it went well
        return "failed" if error.code else "ok"
    return "failed" if isinstance(error, Exception) else "cancelled"
