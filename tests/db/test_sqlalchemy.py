"""What each statement leaves behind, on SQLite and PostgreSQL, sync and async."""

import asyncio
from contextlib import contextmanager

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

import obskit

COUNT = "db_client_operation_duration_seconds_count"
SECRET = "planted-s3cret"
metadata = MetaData()
items = Table(
    "items", metadata, Column("id", Integer, primary_key=True), Column("name", String(80), unique=True)
)

DRIVERS = [
    "sqlite-pysqlite",
    "sqlite-aiosqlite",
    "postgresql-psycopg",
    "postgresql-asyncpg",
    "postgresql-psycopg_async",
]


class Shop:
    """One engine of any kind, driven by functions of a sync connection."""

    def __init__(self, engine):
        self.engine = engine
        self.is_async = hasattr(engine, "sync_engine")

    def run(self, *steps):
        """Run each step in a transaction of its own, and return what the last one gave."""
        if self.is_async:
            return asyncio.run(self._run_async(steps))
        for step in steps:
            with self.engine.begin() as connection:
                result = step(connection)
        return result

    async def _run_async(self, steps):
        try:
            for step in steps:
                async with self.engine.begin() as connection:
                    result = await connection.run_sync(step)
            return result
        finally:
            await self.engine.dispose()


@pytest.fixture(params=DRIVERS)
def shop(request, captured):
    system, _, driver = request.param.partition("-")
    address = request.getfixturevalue(system)(driver)
    asynchronous = driver in {"aiosqlite", "asyncpg", "psycopg_async"}
    engine = obskit.instrument((create_async_engine if asynchronous else create_engine)(address))
    made = Shop(engine)
    made.system = system
    made.run(
        metadata.create_all,
        lambda c: c.execute(insert(items), [{"id": n, "name": f"n{n}"} for n in range(3)]),
    )
    captured.capture.clear()
    yield made
    if not asynchronous:
        engine.dispose()


def labels(shop, operation="SELECT", collection="items", error=""):
    return {
        "db_system_name": shop.system,
        "db_operation_name": operation,
        "db_collection_name": collection,
        "error_type": error,
    }


def everything_shown(captured):
    page = [str(sample) for family in captured.telemetry.registry.collect() for sample in family.samples]
    spans = [
        f"{span.name} {dict(span.attributes)} {span.events} {span.status.description}"
        for span in captured.spans
    ]
    return "\n".join([*page, *spans, *map(str, captured.lines)])


def test_select_is_one_client_span_and_one_observation(captured, shop):
    with obskit.span("outer"):
        assert len(shop.run(lambda c: c.execute(select(items).where(items.c.id.in_([0, 2]))).all())) == 2
    span, outer = captured.span("SELECT items"), captured.span("outer")
    assert span.kind is SpanKind.CLIENT
    assert span.parent.span_id == outer.context.span_id
    assert outer.start_time <= span.start_time < span.end_time <= outer.end_time
    assert span.attributes["db.system.name"] == shop.system
    assert span.attributes["db.operation.name"] == "SELECT"
    assert span.attributes["db.collection.name"] == "items"
    assert span.attributes["db.query.text"].endswith("WHERE items.id IN (?)")
    assert captured.value(COUNT, **labels(shop)) == 1
    if shop.system == "postgresql":
        assert span.attributes["server.address"] == "127.0.0.1"


def test_rows_are_on_the_span_where_the_driver_has_them(captured, shop):
    shop.run(lambda c: c.execute(select(items)).all())
    rows = captured.span("SELECT items").attributes.get("db.response.returned_rows")
    assert rows == (None if shop.engine.dialect.driver == "pysqlite" else 3)


def test_rows_that_are_streamed_are_not_counted(captured, postgresql):
    engine = obskit.instrument(create_async_engine(postgresql("asyncpg")))

    async def run():
        async with engine.connect() as connection:
            rows = await connection.stream(text("SELECT generate_series(1, 200)"))
            count = len([row async for row in rows])
        await engine.dispose()
        return count

    assert asyncio.run(run()) == 200
    assert "db.response.returned_rows" not in captured.span("SELECT").attributes


def test_commit_is_observed_for_it_is_where_writes_wait(captured, shop):
    before = captured.value(COUNT, **labels(shop, "COMMIT", "")) or 0
    shop.run(lambda c: c.execute(insert(items).values(id=9, name="nine")))
    assert captured.value(COUNT, **labels(shop, "COMMIT", "")) == before + 1
    assert captured.span("COMMIT").kind is SpanKind.CLIENT
    assert captured.span("INSERT items").start_time < captured.span("COMMIT").start_time


def test_rows_inserted_together_are_one_operation(captured, shop):
    rows = [{"id": 100 + n, "name": f"many{n}"} for n in range(20)]
    shop.run(lambda c: c.execute(insert(items), rows))
    assert captured.span("INSERT items").attributes["db.operation.batch.size"] == 20
    assert captured.value(COUNT, **labels(shop, "INSERT")) == 2


def test_error_is_recorded_by_its_class_and_raised_on(captured, shop):
    with pytest.raises(IntegrityError):
        shop.run(lambda c: c.execute(insert(items).values(id=0, name=SECRET)))
    kind = {
        "pysqlite": "IntegrityError",
        "aiosqlite": "IntegrityError",
        "asyncpg": "UniqueViolationError",
    }.get(shop.engine.dialect.driver, "UniqueViolation")
    span = captured.span("INSERT items")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == kind
    expected = "23505" if shop.system == "postgresql" else "SQLITE_CONSTRAINT_PRIMARYKEY"
    assert span.attributes["db.response.status_code"] == expected
    assert captured.value(COUNT, **labels(shop, "INSERT", error=kind)) == 1
    assert SECRET not in everything_shown(captured)


def test_refused_value_is_not_in_the_exceptions_text(captured, postgresql):
    engine = obskit.instrument(create_engine(postgresql("psycopg")))
    with pytest.raises(DBAPIError) as raised, engine.connect() as connection:
        connection.execute(text("SELECT CAST(:n AS integer)"), {"n": SECRET})
    engine.dispose()
    assert "invalid input syntax for type integer: ?" in str(raised.value)
    assert SECRET not in str(raised.value)
    assert SECRET in str(raised.value.orig)


def test_no_value_is_shown_by_spans_labels_lines_or_the_exception(captured, shop):
    def secrets(connection):
        connection.execute(select(items).where(items.c.name == SECRET)).all()
        connection.execute(text(f"SELECT name FROM items WHERE name = '{SECRET}' -- {SECRET}")).all()
        connection.execute(
            text(f"SELECT name FROM items /* {SECRET} */ WHERE name <> :n"), {"n": SECRET}
        ).all()
        connection.execute(text(f"SELECT '{SECRET}', nothing FROM items WHERE name = :n"), {"n": SECRET})

    with pytest.raises(DBAPIError) as raised, obskit.span("outer"):
        shop.run(secrets)
    shown = everything_shown(captured)
    assert "SELECT name FROM items WHERE name = ?" in shown
    assert SECRET not in shown
    assert SECRET not in str(raised.value)
    assert "SELECT ?, nothing FROM items WHERE name = ?" in str(raised.value)


def test_second_instrumentation_changes_nothing(captured, shop):
    obskit.instrument(shop.engine)
    obskit.instrument(getattr(shop.engine, "sync_engine", shop.engine))
    shop.run(lambda c: c.execute(select(items)).all())
    assert captured.value(COUNT, **labels(shop)) == 1
    assert len([span for span in captured.spans if span.name == "SELECT items"]) == 1


def test_session_of_the_orm_is_observed_through_its_engine(captured, sqlite):
    engine = obskit.instrument(create_engine(sqlite("pysqlite")))
    metadata.create_all(engine)
    with Session(engine) as session:
        session.execute(select(items)).all()
    engine.dispose()
    assert captured.span("SELECT items")


def test_engine_with_execution_options_is_observed_too(captured, sqlite):
    engine = obskit.instrument(create_engine(sqlite("pysqlite")))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    assert len([span for span in captured.spans if span.name == "SELECT"]) == 1


def test_unsampled_request_has_metrics_and_no_span(captured, sqlite, monkeypatch):
    engine = obskit.instrument(create_engine(sqlite("pysqlite")))
    with unsampled(captured), engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    assert not captured.spans
    assert (
        captured.value(
            COUNT, db_system_name="sqlite", db_operation_name="SELECT", db_collection_name="", error_type=""
        )
        == 1
    )


@contextmanager
def unsampled(captured):
    from opentelemetry import trace

    above = trace.SpanContext(1, 2, is_remote=False, trace_flags=trace.TraceFlags(0))
    with trace.use_span(trace.NonRecordingSpan(above)):
        yield


def test_instrument_before_init_and_anew_after_shutdown(captured, sqlite):
    obskit.shutdown()
    engine = obskit.instrument(create_engine(sqlite("pysqlite")))
    for name in ("first", "second"):
        telemetry = obskit.init(service=name, log_format="none")
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        value = telemetry.registry.get_sample_value(
            COUNT,
            {
                "db_system_name": "sqlite",
                "db_operation_name": "SELECT",
                "db_collection_name": "",
                "error_type": "",
            },
        )
        assert value == 1
        obskit.shutdown()
    engine.dispose()


def test_connection_that_cannot_be_opened_is_recorded(captured, tmp_path):
    engine = obskit.instrument(create_engine(f"sqlite:///{tmp_path}/nowhere/shop.db"))
    with pytest.raises(OperationalError):
        engine.connect()
    assert (
        captured.value(
            COUNT,
            db_system_name="sqlite",
            db_operation_name="CONNECT",
            db_collection_name="",
            error_type="OperationalError",
        )
        == 1
    )
    assert captured.span("CONNECT").status.status_code is StatusCode.ERROR


def test_statement_that_takes_too_long_is_recorded_as_cancelled(captured, postgresql):
    limit = {"options": "-c statement_timeout=50"}
    engine = obskit.instrument(create_engine(postgresql("psycopg"), connect_args=limit))
    with pytest.raises(OperationalError), engine.begin() as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    engine.dispose()
    span = captured.span("SELECT")
    assert (span.attributes["error.type"], span.attributes["db.response.status_code"]) == (
        "QueryCanceled",
        "57014",
    )


def test_cancelled_task_is_recorded(captured, postgresql):
    engine = obskit.instrument(create_async_engine(postgresql("asyncpg")))
    asked = asyncio.Event()
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *_: asked.set())

    async def ask():
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))

    async def run():
        task = asyncio.create_task(ask())
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await engine.dispose()

    asyncio.run(run())
    (span,) = [span for span in captured.spans if span.name == "SELECT" and "error.type" in span.attributes]
    assert span.attributes["error.type"] == "CancelledError"


def test_other_objects_of_sqlalchemy_are_refused(sqlite):
    with pytest.raises(obskit.InstrumentError, match="pass the Engine or AsyncEngine"):
        obskit.instrument(MetaData())
