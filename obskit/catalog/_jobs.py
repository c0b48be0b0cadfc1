"""Metrics of jobs: what runs on a schedule, or behind the requests."""

from obskit.catalog._metric import JOB_BUCKETS, Metric

__all__ = [
    "JOB_DURATION",
    "JOB_INTERVAL",
    "JOB_IN_PROGRESS",
    "JOB_LAST_SUCCESS",
    "JOB_LATENESS",
    "JOB_MISSED",
    "JOB_OVERLAPS",
    "JOB_RUNS",
    "JOB_STARTED",
]

JOB_RUNS = Metric(
    "obskit_job_runs_total", "counter", "Finished runs of a job, by how they ended.", ("job_name", "outcome")
)
JOB_DURATION = Metric(
    "obskit_job_duration_seconds",
    "histogram",
    "Duration of a job's runs.",
    ("job_name", "outcome"),
    JOB_BUCKETS,
)
JOB_LAST_SUCCESS = Metric(
    "obskit_job_last_success_timestamp_seconds",
    "gauge",
    "When a job last succeeded, in Unix seconds; before that, when the process registered it.",
    ("job_name",),
)
JOB_INTERVAL = Metric(
    "obskit_job_expected_interval_seconds",
    "gauge",
    "The longest time that the job's schedule leaves between two runs; +Inf once it is not scheduled any more.",
    ("job_name",),
    workers="livemax",
)
JOB_LATENESS = Metric(
    "obskit_job_lateness_seconds",
    "gauge",
    "How long after its time the job's latest run started; 0 when it was in time.",
    ("job_name",),
    workers="livemax",
)
JOB_STARTED = Metric(
    "obskit_job_started_timestamp_seconds",
    "gauge",
    "When the job's latest run started, in Unix seconds; 0 before the first.",
    ("job_name",),
)
JOB_IN_PROGRESS = Metric(
    "obskit_job_in_progress", "gauge", "Runs of a job that have started and not ended.", ("job_name",)
)
JOB_OVERLAPS = Metric(
    "obskit_job_overlaps_total",
    "counter",
    "Runs of a job that started, or were refused by the scheduler, because another one still ran.",
    ("job_name",),
)
JOB_MISSED = Metric(
    "obskit_job_missed_runs_total",
    "counter",
    "Runs that the scheduler left out because their time had passed.",
    ("job_name",),
)
