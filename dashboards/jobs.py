"""Jobs and schedules: did everything run that should have run, in time, and well."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale, Threshold
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
)

_WHERE = (SERVICE, 'job_name=~"$job_name"')
_BY = ("service_name", "job_name")
_NAME = "{{job_name}}"
_ANY = (Threshold(1),)
_FAILED = 'outcome="failed"'


def _of(service: str, job: str) -> tuple[kit.Link, ...]:
    return (
        kit.logs_link(service, pipeline=f' | json | job="{job}"', title="Logs of the job"),
        kit.traces_link(service, f'span.obskit.job.name="{job}"', title="Runs of the job"),
    )


_LINE = _of(kit.CHOSEN, kit.series("job_name"))
_ROW = (
    *_of(kit.row("Service"), kit.row("Job")),
    kit.BoardLink("Board of its service", "obskit-service", (("service", kit.row("Service")),)),
)
_ALL = (
    kit.logs_link(pipeline=' | json | event="job.failed"', title="Runs that failed"),
    kit.traces_link(kit.CHOSEN, 'span.obskit.job.name=~".+"', title="Runs"),
)
_NEXT = (kit.next_board("host", "Processes and hosts"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="jobs",
        title="Jobs and schedules",
        question="Did everything run that should have run, in time, and did it succeed?",
        how_to_read=(
            "Age over interval says whether a job is due: 1 is just in time, 2 means that it missed a run. "
            "It needs no knowledge of the schedule."
        ),
        when_paged=(
            "The row in **Jobs** with the highest **Age / interval** is the one that stopped. "
            "Failed runs: read their exception. No runs at all: the scheduler or its process is gone."
        ),
        variables=(
            kit.services(JOB_RUNS),
            kit.pick("job_name", "Job", JOB_RUNS, "job_name", SERVICE),
        ),
        rows=(
            Row("", (_running(), _overdue(), _failed(), _missed(), _overlaps(), _late())),
            Row("Jobs", (_states(), _jobs())),
            Row("Runs", (_runs(), _ages(), _lateness())),
            Row("Durations", (_durations(), _running_for(), _spread())),
            Row("What went wrong", (_troubles(), _failed_traces(), _lines())),
        ),
    )


def _ratio(expr_age: str) -> str:
    return kit.ratio(expr_age, f"{kit.highest(JOB_INTERVAL, *_WHERE, by=_BY)} < Inf")


def _age() -> str:
    return kit.since(JOB_LAST_SUCCESS, *_WHERE, by=_BY)


def _running() -> Panel:
    about = About(
        "Running",
        "Runs that have started and not ended.",
        "0 or a few.",
        "Stays up: a run hangs, see Running for.",
        none="no jobs",
    )
    return kit.number(about, kit.total(JOB_IN_PROGRESS, *_WHERE), Scale("none"), Onward(_ALL, boards=_NEXT))


def _overdue() -> Panel:
    about = About(
        "Age / interval",
        "Age of the last success over the expected interval, of the job that is worst.",
        "At most a little above 1.",
        "From 2 on a run was missed or failed: find the job in Jobs.",
        none="no scheduled jobs",
    )
    scale = Scale("suffix:x", (Threshold(1.5, "yellow"), Threshold(2)))
    return kit.number(about, f"max({_ratio(_age())})", scale, Onward(_ALL, runbooks=("JobMissed",)))


def _failed() -> Panel:
    about = About(
        "Failed runs",
        "Runs that raised, within the shown range.",
        "0.",
        "Read the exception in Runs that failed; run the job by hand once the cause is mended.",
        none="no jobs",
    )
    expr = kit.increase(JOB_RUNS, *_WHERE, _FAILED)
    return kit.over_range(about, expr, Scale("none", _ANY), Onward(_ALL, runbooks=("JobFailing",)))


def _missed() -> Panel:
    about = About(
        "Missed runs",
        "Runs that the scheduler left out within the shown range because their time had passed.",
        "0.",
        "The process was busy, stopped or suspended at the time: see its event loop and restarts.",
        none="no jobs",
    )
    return kit.over_range(
        about,
        kit.increase(JOB_MISSED, *_WHERE),
        Scale("none", _ANY),
        Onward(_ALL, runbooks=("JobRunsLeftOut",), boards=_NEXT),
    )


def _overlaps() -> Panel:
    about = About(
        "Overlaps",
        "Runs within the shown range that started, or were refused, because another one still ran.",
        "0.",
        "The job takes longer than its interval: make it faster or rarer.",
        none="no jobs",
    )
    return kit.over_range(
        about,
        kit.increase(JOB_OVERLAPS, *_WHERE),
        Scale("none", _ANY),
        Onward(_ALL, runbooks=("JobOverlapping",)),
    )


def _late() -> Panel:
    about = About(
        "Latest start",
        "How long after its time the latest run of any job started.",
        "Below a second.",
        "The event loop is blocked, or the machine is overloaded: see the board of processes.",
        none="no jobs",
    )
    return kit.number(about, kit.highest(JOB_LATENESS, *_WHERE), Scale("s"), Onward(_ALL, boards=_NEXT))


def _states() -> Panel:
    about = About(
        "Running and overdue",
        "Each job over time: idle, running, or overdue (its last success is two intervals old).",
        "Blue and grey; never red.",
        "Red from a moment on: what changed then, see the marks of deploys.",
        none="no jobs",
    )
    running = f"clamp_max({kit.total(JOB_IN_PROGRESS, *_WHERE, by=_BY)}, 1)"
    overdue = f"2 * ({_ratio(_age())} > bool 2)"
    expr = f"{overdue} > 0 or {running}"
    names = {0: ("idle", "text"), 1: ("running", "blue"), 2: ("overdue", "red")}
    return kit.states(
        about,
        (Line(expr, "{{service_name}} {{job_name}}"),),
        names,
        Onward(_LINE, runbooks=("JobMissed",)),
        width=24,
    )


def _jobs() -> Panel:
    about = About(
        "Jobs",
        "Each job: age of its last success, its interval, how it did over the shown range, and how long it takes.",
        "Age / interval below 1.5; nothing failed.",
        "Click a row for the job's logs and runs.",
        none="no jobs",
    )
    limits = (Threshold(1.5, "yellow"), Threshold(2))
    columns = (
        Column("Age / interval", "none", _ratio(_age()), limits),
        Column("Last success", "s", _age()),
        Column("Interval", "s", f"{kit.highest(JOB_INTERVAL, *_WHERE, by=_BY)} < Inf"),
        Column("Runs", "none", kit.increase(JOB_RUNS, *_WHERE, by=_BY)),
        Column("Failed", "none", kit.increase(JOB_RUNS, *_WHERE, _FAILED, by=_BY), _ANY),
        Column("p95", "s", kit.quantile(0.95, JOB_DURATION, *_WHERE, by=_BY, window=RANGE)),
    )
    return kit.rows(about, {"service_name": "Service", "job_name": "Job"}, columns, Onward(_ROW))


def _runs() -> Panel:
    about = About(
        "Runs by outcome",
        "Runs a second by how they ended.",
        "Only ok.",
        "failed: read the exception. cancelled: the process stopped while it ran.",
        none="no jobs",
    )
    of = (Line(kit.per_second(JOB_RUNS, *_WHERE, by=("outcome",)), "{{outcome}}"),)
    return kit.stack(about, of, Scale("ops"), Onward(_ALL))


def _ages() -> Panel:
    about = About(
        "Age of the last success",
        "Time since each job last succeeded.",
        "Saw teeth as high as the job's interval.",
        "A tooth that does not fall: the job stopped, see Jobs for its interval.",
        none="no jobs",
    )
    return kit.graph(about, (Line(_age(), _NAME),), Scale("s"), Onward(_LINE, runbooks=("JobMissed",)))


def _lateness() -> Panel:
    about = About(
        "Late starts",
        "How long after its time each job's latest run started.",
        "Near 0.",
        "Several jobs late at once: their process was busy.",
        none="no jobs",
    )
    of = (Line(kit.highest(JOB_LATENESS, *_WHERE, by=_BY), _NAME),)
    return kit.graph(about, of, Scale("s"), Onward(_LINE, boards=_NEXT))


def _durations() -> Panel:
    about = About(
        "Duration p95 by job",
        "How long each job takes. Each dot is one run: it opens its trace.",
        "Level, and well below the job's interval.",
        "Grows from day to day: the job does more each time, give it an index or an end.",
        none="no jobs",
    )
    of = (Line(kit.quantile(0.95, JOB_DURATION, *_WHERE, by=_BY), _NAME),)
    return kit.latency(about, of, Scale("s"), Onward(_LINE, runbooks=("JobOverlong",)))


def _running_for() -> Panel:
    about = About(
        "Running for",
        "How long the runs that have not ended have been running.",
        "Below the job's p95.",
        "Far above it: the run hangs. Its trace is not stored before it ends; its logs are.",
        none="nothing runs",
        empty="runs are over between two scrapes; filled by the fault job-overlong",
    )
    expr = f"{kit.since(JOB_STARTED, *_WHERE, by=_BY)} and {kit.total(JOB_IN_PROGRESS, *_WHERE, by=_BY)} > 0"
    return kit.graph(about, (Line(expr, _NAME),), Scale("s"), Onward(_LINE, runbooks=("JobOverlong",)))


def _spread() -> Panel:
    about = About(
        "Spread of durations",
        "How many runs took how long. Each dot opens a trace.",
        "One band a job.",
        "A new band high up: a run waits for something.",
        none="no jobs",
    )
    return kit.heat_map(about, kit.buckets(JOB_DURATION, *_WHERE), "s", Onward(_ALL), width=8)


def _troubles() -> Panel:
    about = About(
        "Failed, missed and overlapping",
        "Runs a second that failed, were left out, or met another run.",
        "No line above 0.",
        "See the job in Jobs.",
        none="no jobs",
    )
    of = (
        Line(kit.per_second(JOB_RUNS, *_WHERE, _FAILED), "failed", colour="red"),
        Line(kit.per_second(JOB_MISSED, *_WHERE), "missed", colour="orange"),
        Line(kit.per_second(JOB_OVERLAPS, *_WHERE), "overlapped", colour="yellow"),
    )
    return kit.graph(about, of, Scale("ops"), Onward(_ALL), width=12)


def _failed_traces() -> Panel:
    about = About(
        "Traces of failed runs",
        "Runs that failed, newest first.",
        "None.",
        "Open one: the red span is what raised.",
        none="none in the shown range",
        empty="no failed run; filled by the fault job-failing",
    )
    query = '{resource.service.name=~"$service" && span.obskit.job.outcome="failed"}'
    return kit.traces(about, query, width=12)


def _lines() -> Panel:
    about = About(
        "Failed, missed and skipped runs",
        "The log line of each run that failed or did not happen, with its exception.",
        "None.",
        "Open a line: exception has the stack trace.",
        none="none in the shown range",
        empty="no failed run; filled by the faults job-failing and job-missed",
    )
    return kit.log_events(about, "job.failed", "job.missed", "job.skipped")
