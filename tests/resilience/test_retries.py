"""Retries by stamina: counted, on the span, logged, and never with the call's arguments."""

import asyncio
import subprocess
import sys

import pytest
import stamina
from stamina.instrumentation import get_on_retry_hooks, set_on_retry_hooks

import obskit
from obskit.resilience import watch_retries

QUICK = {"attempts": 3, "wait_initial": 0.001, "wait_max": 0.001, "wait_jitter": 0}


@pytest.fixture(autouse=True)
def hooks_as_before():
    yield
    set_on_retry_hooks(None)


class Flaky:
    """Fails *times* times, then answers."""

    def __init__(self, times):
        self.left = times

    async def __call__(self):
        if self.left:
            self.left -= 1
            raise ConnectionError("password=hunter2 refused")
        return "done"


def call(flaky):
    @stamina.retry(on=ConnectionError, **QUICK)
    async def charge(secret):
        return await flaky()

    async def scenario():
        async with obskit.dependency("payments", "charge"):
            return await charge("hunter2")

    return asyncio.run(scenario())


def test_retries_are_attempts_of_one_call(captured):
    assert call(Flaky(2)) == "done"
    (line, second) = captured.events("retry.scheduled")
    labels = {"dependency": "payments", "error_type": "ConnectionError", "callable": line["callable"]}
    assert line["callable"].endswith("charge")
    assert captured.value("obskit_retry_attempts_total", **labels) == 2
    span = captured.span("payments charge")
    assert span.attributes["obskit.retries"] == 2
    assert [event.attributes["attempt"] for event in span.events if event.name == "retry"] == [1, 2]
    assert (line["attempt"], second["attempt"]) == (1, 2)
    assert line["trace_id"] == f"{span.context.trace_id:032x}"
    ended = {"dependency": "payments", "operation": "charge"}
    assert captured.value("obskit_retried_calls_total", **ended, outcome="ok") == 1
    assert captured.value("obskit_dependency_calls_total", **ended, outcome="ok") == 1


def test_call_that_fails_after_its_last_attempt_is_one_error(captured):
    with pytest.raises(ConnectionError):
        call(Flaky(5))
    ended = {"dependency": "payments", "operation": "charge"}
    assert captured.value("obskit_retried_calls_total", **ended, outcome="error") == 1
    assert captured.value("obskit_retried_calls_total", **ended, outcome="ok") == 0


def test_secrets_in_arguments_and_messages_do_not_reach_logs_or_spans(captured):
    call(Flaky(1))
    assert "hunter2" not in repr(captured.lines)
    assert "hunter2" not in repr([event.attributes for span in captured.spans for event in span.events])


def test_retries_outside_any_dependency_are_counted_by_what_is_retried(captured):
    for attempt in stamina.retry_context(on=ValueError, **QUICK):
        with attempt:
            if attempt.num == 1:
                raise ValueError("again")
    labels = {"dependency": "", "error_type": "ValueError", "callable": "<context block>"}
    assert captured.value("obskit_retry_attempts_total", **labels) == 1


def test_hooks_of_the_user_stay_and_ours_is_there_once(captured):
    seen = []
    set_on_retry_hooks([*get_on_retry_hooks(), seen.append])
    watch_retries(obskit.init)
    watch_retries(obskit.init)
    assert call(Flaky(1)) == "done"
    assert len(seen) == 1
    assert len(captured.events("retry.scheduled")) == 1


def test_importing_obskit_does_not_load_stamina_and_init_connects_it():
    code = (
        "import sys, obskit; print('stamina' in sys.modules); obskit.init(log_format='none'); "
        "from stamina.instrumentation import get_on_retry_hooks; "
        "print([type(hook).__module__.split('.')[0] for hook in get_on_retry_hooks()])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "['obskit']"]
