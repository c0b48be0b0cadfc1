"""What a request carries reaches threads, executors and sync dependencies."""

import asyncio
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from fastapi import Depends, FastAPI
from starlette.testclient import TestClient

import obskit
from obskit import _ids


def seen():
    """Bind a field from where we are, and tell the trace that we are in."""
    obskit.bind(**{threading.current_thread().name: True})
    ids = _ids.current_ids()
    return ids and ids[0]


def test_bound_fields_and_spans_reach_threads_and_executors(captured):
    app = obskit.instrument(FastAPI())
    executor = obskit.instrument(ThreadPoolExecutor(thread_name_prefix="instrumented"))
    assert obskit.instrument(executor) is executor
    plain = ThreadPoolExecutor(thread_name_prefix="plain")

    def dependency():
        obskit.bind(dependency=True)
        return seen()

    @app.get("/")
    async def show(from_dependency: str = Depends(dependency)):
        loop = asyncio.get_running_loop()
        found = [
            from_dependency,
            await asyncio.to_thread(seen),
            await loop.run_in_executor(executor, seen),
            await loop.run_in_executor(plain, obskit.in_context(seen)),
            executor.submit(seen).result(),
            *executor.map(lambda _: seen(), range(2)),
        ]
        thread = threading.Thread(target=obskit.in_context(lambda: found.append(seen())), name="own")
        thread.start()
        thread.join()
        return found

    with executor, plain, TestClient(app) as client:
        found = client.get("/").json()
    (line,) = captured.events("http.request")
    assert set(found) == {line["trace_id"]}
    assert {"dependency", "instrumented_0", "plain_0", "own"} <= line.keys()


def test_one_wrapped_function_may_run_many_times_at_once(captured):
    barrier = threading.Barrier(4)

    def meet():
        barrier.wait(10)
        return seen()

    with obskit.span("root"), ThreadPoolExecutor(4) as executor:
        work = obskit.in_context(meet)
        found = {future.result() for future in [executor.submit(work) for _ in range(4)]}
        assert found == {seen()}


def test_other_processes_are_refused():
    with (
        ProcessPoolExecutor(1) as executor,
        pytest.raises(obskit.InstrumentError, match="ThreadPoolExecutor"),
    ):
        obskit.instrument(executor)


def test_ids_are_of_the_current_span(captured):
    assert _ids.current_ids() is None
    with obskit.span("outer") as outer:
        for span in (outer, outer):
            context = span.get_span_context()
            assert _ids.current_ids() == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
        with obskit.span("inner"):
            inside = _ids.current_ids()
        assert inside[0] == _ids.current_ids()[0]
        assert inside[1] != _ids.current_ids()[1]
