"""The pool: who has connections, who waits, who gave up."""

import asyncio
import gc
import threading

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import obskit

POOL = "shop.db"


def value(captured, name, **labels):
    return captured.value(f"db_client_connection_{name}", db_client_connection_pool_name=POOL, **labels)


def used_idle(captured):
    return tuple(value(captured, "count", db_client_connection_state=state) for state in ("used", "idle"))


@pytest.fixture(autouse=True)
def _no_pools_of_other_tests():
    """Engines are in reference cycles: until those are collected, their pools are shown."""
    gc.collect()


@pytest.fixture
def engine(captured, sqlite):
    made = obskit.instrument(
        create_engine(sqlite("pysqlite"), pool_size=1, max_overflow=1, pool_timeout=0.05)
    )
    yield made
    made.dispose()


def test_used_idle_and_limit_follow_the_pool(captured, engine):
    assert used_idle(captured) == (0, 0)
    with engine.connect(), engine.connect():
        assert used_idle(captured) == (2, 0)
    assert used_idle(captured) == (0, 1)
    assert value(captured, "max") == 2
    assert value(captured, "wait_time_seconds_count") == 2


def test_caller_that_gets_no_connection_is_a_timeout_and_a_line(captured, engine):
    assert value(captured, "timeouts_total") == 0
    with engine.connect(), engine.connect(), pytest.raises(PoolTimeoutError):
        engine.connect()
    assert value(captured, "timeouts_total") == 1
    (line,) = captured.events("db.pool_timed_out")
    assert (line["pool"], line["used"], line["max"]) == (POOL, 2, 2)
    assert line["waited_ms"] >= 50
    assert value(captured, "pending_requests") == 0


def test_callers_that_wait_are_pending(captured, sqlite, wait_for):
    engine = obskit.instrument(create_engine(sqlite("pysqlite"), pool_size=1, max_overflow=0))
    with engine.connect():
        waiting = threading.Thread(target=lambda: engine.connect().close())
        waiting.start()
        wait_for(lambda: value(captured, "pending_requests") == 1, "one caller waits")
    waiting.join()
    assert value(captured, "pending_requests") == 0
    assert value(captured, "wait_time_seconds_count") == 2
    engine.dispose()


def test_pool_is_watched_on_after_dispose(captured, engine):
    engine.dispose()
    with engine.connect():
        assert used_idle(captured) == (1, 0)
    assert value(captured, "wait_time_seconds_count") == 1


def test_engines_of_one_database_are_added_up_and_forgotten_with_them(captured, sqlite):
    first, second = (obskit.instrument(create_engine(sqlite("pysqlite"))) for _ in range(2))
    with first.connect(), second.connect():
        assert used_idle(captured) == (2, 0)
    assert value(captured, "max") == 30
    second.dispose()
    del second
    gc.collect()
    assert value(captured, "max") == 15
    first.dispose()


def test_pool_shows_its_series_as_soon_as_telemetry_is_on(captured, sqlite):
    obskit.shutdown()
    engine = obskit.instrument(create_engine(sqlite("pysqlite"), pool_logging_name="main"))
    telemetry = obskit.init(service="late", log_format="none")
    sample = telemetry.registry.get_sample_value
    assert sample("db_client_connection_max", {"db_client_connection_pool_name": "main"}) == 15
    assert sample("db_client_connection_timeouts_total", {"db_client_connection_pool_name": "main"}) == 0
    engine.dispose()


def test_pool_without_a_queue_has_waits_and_no_counts(captured, sqlite):
    engine = obskit.instrument(create_engine(sqlite("pysqlite"), poolclass=NullPool))
    with engine.connect():
        assert used_idle(captured) == (None, None)
    assert value(captured, "wait_time_seconds_count") == 1


def test_async_pool_on_postgresql(captured, postgresql):
    address = postgresql("asyncpg")
    engine = obskit.instrument(create_async_engine(address, pool_size=1, max_overflow=0, pool_timeout=0.05))
    labels = {"db_client_connection_pool_name": f"127.0.0.1:{address.port}/{address.database}"}

    async def run():
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            used = captured.value("db_client_connection_count", **labels, db_client_connection_state="used")
            with pytest.raises(PoolTimeoutError):
                await engine.connect()
        await engine.dispose()
        return used

    assert asyncio.run(run()) == 1
    assert captured.value("db_client_connection_timeouts_total", **labels) == 1
    captured.capture.assert_no_unbounded_labels()  # the name of the pool, with its port, has a bound
