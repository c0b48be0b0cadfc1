"""Slow statements: counted, logged with their plan in words, and never a burden on the request."""

import asyncio
import threading

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine

import obskit
from obskit.db import _explain, _slow

SLOW = "obskit_db_slow_queries_total"
SECRET = "planted-s3cret"


@pytest.fixture
def slow(obs_capture):
    """Start telemetry for which every statement is slow."""

    def start(**settings):
        return obskit.init(service="testing", version="1", log_format="none", db_slow_ms=0, **settings)

    return start


@pytest.fixture
def reported(obs_capture, wait_for):
    """Wait for the one line about a statement that contains some text."""

    def wait(part):
        def found():
            return [line for line in obs_capture.logs.all(event="db.query_slow") if part in line["statement"]]

        wait_for(found, f"db.query_slow of {part}")
        return found()[0]

    return wait


def prepared(address, *statements):
    """Make the database with an engine that is not observed."""
    engine = create_engine(address)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


TABLES = (
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer VARCHAR(40), total INTEGER)",
    "CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER, sku VARCHAR(40))",
    "CREATE INDEX lines_by_sku ON lines (sku)",
)


@pytest.fixture
def sqlite_engine(sqlite, slow):
    prepared(sqlite("pysqlite"), *TABLES)
    slow()
    engine = obskit.instrument(create_engine(sqlite("pysqlite")))
    yield engine
    engine.dispose()


def run(engine, sql, **parameters):
    with engine.connect() as connection:
        connection.execute(text(sql), parameters)


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        (
            "SELECT id FROM orders WHERE customer = :c",
            "full scan of orders: missing index on orders(customer)",
        ),
        (
            "SELECT o.id FROM orders AS o WHERE o.customer = :c AND o.total > 3",
            "full scan of orders: missing index on orders(customer, total)",
        ),
        (
            "SELECT customer, :c FROM orders",
            "full scan of orders: no condition limits what is read",
        ),
        (
            "UPDATE orders SET total = 1 WHERE customer = :c",
            "full scan of orders: missing index on orders(customer)",
        ),
        (
            "SELECT o.id FROM orders o JOIN lines l ON l.order_id = o.total",
            "missing index on lines(order_id): SQLite builds one for each run",
        ),
        (
            "SELECT id FROM orders WHERE customer = :c ORDER BY total",
            "sorts in a temporary table for ORDER BY: no index gives that order",
        ),
        (
            "SELECT lines.id FROM lines WHERE :c = lines.order_id",
            "full scan of lines: missing index on lines(order_id)",
        ),
        (
            "SELECT id FROM orders WHERE lower(customer) = :c",
            "full scan of orders: its condition is not on a column that an index could find",
        ),
        (
            "SELECT order_id FROM lines WHERE +sku = :c",
            "full scan of lines: the index on lines(sku) is there and was not chosen",
        ),
    ],
)
def test_sqlite_plan_in_words(sqlite_engine, reported, sql, finding):
    run(sqlite_engine, sql, c=SECRET)
    line = reported(sql.split()[1])
    assert any(found.startswith(finding) for found in line["findings"]), line
    assert line["plan"]


def test_good_plan_has_no_findings(sqlite_engine, reported):
    run(sqlite_engine, "SELECT customer FROM orders WHERE id = :c", c=1)
    line = reported("SELECT customer")
    assert line["findings"] == []
    assert line["plan"] == ["SEARCH orders USING INTEGER PRIMARY KEY (rowid=?)"]


def test_line_has_the_trace_the_place_and_the_counter_moves(obs_capture, sqlite_engine, reported):
    with obskit.span("outer"):
        run(sqlite_engine, "SELECT id FROM orders WHERE customer = :c", c=SECRET)
    line = reported("SELECT id")
    assert line["trace_id"] == f"{obs_capture.spans.one('outer').raw.context.trace_id:032x}"
    assert "test_slow.py" in line["code"]
    assert (line["level"], line["operation"], line["collection"]) == ("warning", "SELECT", "orders")
    assert line["duration_ms"] >= line["threshold_ms"] == 0
    labels = {"db_operation_name": "SELECT", "db_collection_name": "orders"}
    assert obskit.init().registry.get_sample_value(SLOW, labels) == 1
    assert obs_capture.spans.one("SELECT orders").raw.attributes["obskit.db.slow"] is True


def test_quick_statement_is_not_reported_and_its_counter_is_there_at_zero(obs_capture, sqlite):
    telemetry = obskit.init(service="testing", version="1", log_format="none", db_slow_ms=60_000)
    engine = obskit.instrument(create_engine(sqlite("pysqlite")))
    run(engine, "SELECT 1")
    engine.dispose()
    assert not obs_capture.logs.all(event="db.query_slow")
    labels = {"db_operation_name": "SELECT", "db_collection_name": ""}
    assert telemetry.registry.get_sample_value(SLOW, labels) == 0


def test_many_slow_runs_are_one_line_and_all_are_counted(obs_capture, sqlite_engine, reported):
    for number in range(50):
        run(sqlite_engine, "SELECT id FROM orders WHERE customer = :c", c=f"c{number}")
    reported("SELECT id")
    labels = {"db_operation_name": "SELECT", "db_collection_name": "orders"}
    assert obskit.init().registry.get_sample_value(SLOW, labels) == 50
    assert len(obs_capture.logs.all(event="db.query_slow")) < 50


def test_second_line_uses_the_plan_of_the_first_and_tells_what_was_left_out(
    obs_capture, sqlite_engine, reported, wait_for, monkeypatch
):
    run(sqlite_engine, "SELECT id FROM orders WHERE customer = :c", c="a")
    reported("SELECT id")
    run(sqlite_engine, "SELECT id FROM orders WHERE customer = :c", c="b")
    monkeypatch.setattr(_slow, "_EVERY_S", 0)
    monkeypatch.setattr(_explain.Explainer, "plan", lambda *_, **__: pytest.fail("asked again"))
    run(sqlite_engine, "SELECT id FROM orders WHERE customer = :c", c="c")
    lines = wait_for(lambda: obs_capture.logs.all(event="db.query_slow")[1:], "a second line")
    assert lines[-1]["findings"] == ["full scan of orders: missing index on orders(customer)"]


def test_request_does_not_wait_for_plans_and_a_full_queue_costs_only_the_plan(
    obs_capture, sqlite_engine, wait_for, monkeypatch
):
    asked, answer = threading.Event(), threading.Event()

    def stuck(*_, **__):
        asked.set()
        answer.wait(60)
        raise OSError("the database is gone")

    monkeypatch.setattr(_explain.Explainer, "plan", stuck)
    for number in range(60):
        run(sqlite_engine, f"SELECT id AS a{number} FROM orders")
    assert asked.wait(30)
    direct = obs_capture.logs.all(event="db.query_slow")
    assert len(direct) >= 60 - 32 - 1
    assert all("plan" not in line for line in direct)
    answer.set()
    wait_for(lambda: len(obs_capture.logs.all(event="db.query_slow")) == 60, "a line for each")
    assert obs_capture.logs.all(event="db.query_slow")[-1]["plan_problem"] == "OSError"


def test_plan_can_be_turned_off(obs_capture, sqlite, slow, reported):
    prepared(sqlite("pysqlite"), *TABLES)
    slow(db_explain="off")
    engine = obskit.instrument(create_engine(sqlite("pysqlite")))
    run(engine, "SELECT id FROM orders")
    engine.dispose()
    assert "plan" not in reported("SELECT id")


def test_database_in_memory_says_why_it_has_no_plan(obs_capture, slow, reported):
    slow()
    engine = obskit.instrument(create_engine("sqlite://"))
    run(engine, "SELECT 1")
    engine.dispose()
    assert "in memory" in reported("SELECT ?")["plan_problem"]


def test_plan_does_not_use_the_pool_that_may_be_used_up(sqlite, slow, reported):
    prepared(sqlite("pysqlite"), *TABLES)
    telemetry = slow()
    engine = obskit.instrument(
        create_engine(sqlite("pysqlite"), pool_size=1, max_overflow=0, pool_timeout=0.01)
    )
    with engine.connect() as connection:
        connection.execute(text("SELECT id FROM orders"))
        assert reported("SELECT id")["plan"] == ["SCAN orders"]
    labels = {"db_client_connection_pool_name": "shop.db"}
    assert telemetry.registry.get_sample_value("db_client_connection_wait_time_seconds_count", labels) == 1
    engine.dispose()


def test_secrets_are_in_no_line(obs_capture, sqlite_engine, reported):
    run(sqlite_engine, f"SELECT id FROM orders WHERE customer = '{SECRET}' AND total = :t", t=SECRET)
    reported("SELECT id")
    assert SECRET not in str(obs_capture.logs.all())


def test_async_sqlite_plan(obs_capture, sqlite, slow, reported):
    prepared(sqlite("pysqlite"), *TABLES)
    slow()
    engine = obskit.instrument(create_async_engine(sqlite("aiosqlite")))

    async def ask():
        async with engine.connect() as connection:
            await connection.execute(text("SELECT id FROM orders WHERE customer = :c"), {"c": SECRET})
        await engine.dispose()

    asyncio.run(ask())
    assert reported("SELECT id")["findings"] == ["full scan of orders: missing index on orders(customer)"]


@pytest.fixture(params=["psycopg", "asyncpg"])
def ask(request, postgresql, slow):
    """Run statements on PostgreSQL with one driver, with every statement slow."""
    prepared(
        postgresql("psycopg"),
        *TABLES,
        "INSERT INTO orders SELECT n, 'c' || n, n FROM generate_series(1, 5000) AS n",
        "ANALYZE orders",
    )

    async def run_async(sql, parameters):
        engine = obskit.instrument(create_async_engine(postgresql("asyncpg")))
        async with engine.begin() as connection:
            await connection.execute(text(sql), parameters)
        await engine.dispose()

    def ask(sql, _settings=None, **parameters):
        slow(**(_settings or {}))
        if request.param == "asyncpg":
            asyncio.run(run_async(sql, parameters))
            return
        engine = obskit.instrument(create_engine(postgresql("psycopg")))
        with engine.begin() as connection:
            connection.execute(text(sql), parameters)
        engine.dispose()

    return ask


def test_postgresql_full_scan_names_the_missing_index(ask, reported):
    ask("SELECT id FROM orders WHERE customer = :c", c=SECRET)
    line = reported("SELECT id")
    assert line["findings"] == ["full scan of orders: missing index on orders(customer)"]
    (plan,) = line["plan"]
    assert plan.startswith("Seq Scan on orders filter ((customer)::text = ?::text)")
    assert SECRET not in str(line)


def test_postgresql_full_scan_past_an_index_says_so(ask, reported):
    ask("SELECT customer FROM orders WHERE id > :n", n=1)
    expected = "full scan of orders: the index on orders(id) is there and was not chosen"
    assert reported("SELECT customer")["findings"] == [expected]


def test_postgresql_sort_and_index(ask, reported):
    ask("SELECT * FROM orders WHERE id < :n ORDER BY customer", n=9)
    line = reported("SELECT *")
    assert line["findings"] == ["sorts by customer: no index gives that order"]
    assert any("using orders_pkey" in step for step in line["plan"])


def test_analyze_is_for_select_only_and_when_asked_for(ask, reported):
    ask("SELECT id FROM orders WHERE mod(total, 2) = :n", {"db_explain": "analyze"}, n=1)
    line = reported("SELECT id")
    assert "actual_rows=2500" in line["plan"][0]
    assert line["findings"] == [
        "full scan of orders: its condition is not on a column that an index could find",
        "expected 25 rows of orders and met 2500: run ANALYZE orders",
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM orders WHERE id < :n",
        "WITH gone AS (DELETE FROM orders WHERE id < :n RETURNING id) SELECT count(*) FROM gone",
        "SELECT id FROM orders WHERE id < :n FOR UPDATE",
    ],
)
def test_analyze_runs_nothing_that_writes(ask, reported, postgresql, sql):
    ask(sql, {"db_explain": "analyze"}, n=0)
    line = reported("orders")
    assert line["plan"], line
    assert "actual_rows" not in str(line["plan"])


def test_script_is_never_explained_for_its_second_statement_would_be_run(postgresql, slow, reported):
    prepared(postgresql("psycopg"), *TABLES, "INSERT INTO orders VALUES (1, 'a', 1)")
    slow(db_explain="analyze")
    engine = obskit.instrument(create_engine(postgresql("psycopg")))
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1; UPDATE orders SET total = total + 1; COMMIT")
    assert "plan" not in reported("UPDATE orders")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT total FROM orders")).scalar_one() == 2
    engine.dispose()


def test_settings_of_the_applications_connections_hold_for_plans_too(postgresql, slow, reported):
    prepared(postgresql("psycopg"), "CREATE SCHEMA hidden", "CREATE TABLE hidden.parts (id INTEGER)")
    slow()
    engine = obskit.instrument(create_engine(postgresql("psycopg")))

    @event.listens_for(engine, "connect")
    def _on_connect(connection, _record):
        connection.execute("SET search_path TO hidden")
        connection.commit()

    run(engine, "SELECT id FROM parts")
    assert reported("SELECT id FROM parts")["plan"][0].startswith("Seq Scan on parts")
    engine.dispose()
