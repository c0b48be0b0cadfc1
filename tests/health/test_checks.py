"""Readiness: checks, time limits, draining, and what is said about a failure."""

import asyncio

import pytest
from opentelemetry import trace

import obskit
from obskit.health import Health


@pytest.fixture
def reports():
    return []


@pytest.fixture
def health(reports):
    health = Health(lambda *report: reports.append(report))
    health.started = True
    return health


def ready(health):
    return asyncio.run(health.ready())


def refuse():
    raise ConnectionError("postgres://user:secret@db refused")


async def hang():
    await asyncio.Event().wait()


def test_service_without_checks_is_ready_once_started(health):
    assert ready(health)[0]
    health.started = False
    assert ready(health) == (False, {"status": "starting", "checks": {}})


def test_failing_critical_check_takes_the_service_out(health):
    health.add("database", refuse)
    is_ready, report = ready(health)
    assert not is_ready
    assert report["checks"]["database"]["status"] == "failed"
    assert report["checks"]["database"]["error"] == "ConnectionError"
    assert "secret" not in str(report)


def test_failing_check_that_is_not_critical_is_shown_and_keeps_the_service(health):
    health.add("cache", refuse, critical=False)
    is_ready, report = ready(health)
    assert is_ready
    assert report["checks"]["cache"]["status"] == "degraded"


def test_check_that_hangs_is_cut_at_its_time_limit(health):
    health.add("slow", hang, timeout_s=0.01)
    is_ready, report = ready(health)
    assert not is_ready
    assert report["checks"]["slow"]["error"] == "TimeoutError"


def test_failure_and_recovery_are_reported_once_each(health, reports):
    health.add("database", refuse)
    ready(health)
    ready(health)
    health.add("database", lambda: None)
    ready(health)
    assert [report[:2] for report in reports] == [("database", False), ("database", True)]


def test_draining_answers_no_although_every_check_passes(health):
    health.draining = True
    assert ready(health) == (False, {"status": "draining", "checks": {}})


def test_what_a_check_asks_is_not_traced_here_nor_where_it_asks(captured, health):
    flags = []

    def ask():
        with obskit.span("SELECT 1"):
            flags.append(trace.get_current_span().get_span_context().trace_flags)

    async def ask_without_blocking():
        ask()

    health.add("database", ask)
    health.add("broker", ask_without_blocking)
    assert ready(health)[0]
    assert not captured.spans
    assert flags == [trace.TraceFlags.DEFAULT] * 2
