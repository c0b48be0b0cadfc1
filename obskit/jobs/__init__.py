"""Jobs: what runs on a schedule. obskit watches the runs; cron, APScheduler or a loop starts them."""

from obskit.jobs._job import JOB_OUTCOMES, Job
from obskit.jobs._schedule import Schedule, cron_schedule, interval_schedule

__all__ = ["JOB_OUTCOMES", "Job", "Schedule", "cron_schedule", "interval_schedule"]
