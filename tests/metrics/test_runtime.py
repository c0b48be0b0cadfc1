"""What the interpreter does is on the page: collections, the loop's lag, its threads."""

import asyncio
import gc
import threading
import time

import anyio.to_thread
import pytest

from obskit.config import Settings
from obskit.metrics import Metrics


@pytest.fixture
def metrics():
    metrics = Metrics(Settings.load({"service": "shop"}))
    yield metrics
    metrics.close()


def test_full_collections_are_timed_until_the_end(metrics):
    value = metrics.registry.get_sample_value
    gc.collect()
    timed = value("obskit_gc_pause_seconds_count")
    assert timed >= 1
    gc.collect(0)
    assert value("obskit_gc_pause_seconds_count") == timed
    metrics.close()
    gc.collect()
    assert value("obskit_gc_pause_seconds_count") == timed


def test_a_blocked_loop_shows_as_lag(metrics):
    value = metrics.registry.get_sample_value

    async def block():
        metrics.runtime.watch_loop()
        metrics.runtime.watch_loop()
        time.sleep(0.6)  # noqa: ASYNC251 - this is what shall be seen
        while not value("obskit_event_loop_lag_seconds_count"):  # noqa: ASYNC110 - a metric has no event
            await asyncio.sleep(0.01)

    asyncio.run(block())
    assert value("obskit_event_loop_lag_seconds_sum") > 0.3
    assert value("obskit_event_loop_tasks") is None


def test_threads_that_are_busy_and_work_that_waits_for_one(metrics, wait_for):
    value = metrics.registry.get_sample_value
    go = threading.Event()

    async def fill():
        metrics.runtime.watch_loop()
        anyio.to_thread.current_default_thread_limiter().total_tokens = 2
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(anyio.to_thread.run_sync, go.wait)
            while value("obskit_thread_pool_waiting") != 3:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            assert value("obskit_thread_pool_busy") == value("obskit_thread_pool_size") == 2
            assert value("obskit_event_loop_tasks") >= 6
            go.set()

    asyncio.run(asyncio.wait_for(fill(), 30))


def test_open_files_and_memory_are_there(metrics):
    for name in ("process_open_fds", "process_resident_memory_bytes", "process_cpu_seconds_total"):
        assert metrics.registry.get_sample_value(name) > 0
