"""Statements a request, and those that it repeats."""

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

import obskit
from obskit import context
from obskit.messaging import Message

SUSPECTED = "obskit_db_n_plus_one_suspected_total"
PER_REQUEST = "obskit_db_queries_per_request"


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    lines: Mapped[list["Line"]] = relationship()


class Line(Base):
    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))


@pytest.fixture
def engine(captured, sqlite):
    made = obskit.instrument(create_engine(sqlite("pysqlite")))
    Base.metadata.create_all(made)
    with Session(made) as session:
        session.add_all(Order(id=n, lines=[Line(id=n)]) for n in range(12))
        session.commit()
    captured.capture.clear()
    yield made
    made.dispose()


def count_lines(engine, limit):
    with Session(engine) as session:
        return sum(len(order.lines) for order in session.scalars(select(Order).limit(limit)))


def shop(engine):
    app = FastAPI()

    @app.get("/lazy/{limit}")
    def lazy(limit: int) -> int:
        return count_lines(engine, limit)

    return httpx.AsyncClient(transport=httpx.ASGITransport(obskit.instrument(app)), base_url="http://shop")


def labels(route="/lazy/{limit}", destination="", **more):
    return {"http_route": route, "messaging_destination_name": destination, **more}


def test_lazy_loading_in_a_loop_is_reported_once_with_its_place(captured, engine):
    assert asyncio.run(shop(engine).get("/lazy/12")).json() == 12
    (line,) = captured.events("db.n_plus_one")
    assert (line["level"], line["count"], line["collection"], line["route"]) == (
        "warning",
        12,
        "lines",
        "/lazy/{limit}",
    )
    assert line["statement"].endswith("FROM lines WHERE ? = lines.order_id")
    assert line["code"].startswith(f"{Path(__file__).relative_to(Path.cwd())}:")
    assert "count_lines" in line["code"]
    (access,) = captured.events("http.request")
    assert line["trace_id"] == access["trace_id"]
    assert line["request_id"] == access["request_id"]
    assert captured.value(SUSPECTED, **labels(db_collection_name="lines")) == 1
    assert captured.value(SUSPECTED, **labels(db_collection_name="orders")) == 0


def test_server_span_has_the_number_of_statements_and_the_repeated_one(captured, engine):
    asyncio.run(shop(engine).get("/lazy/12"))
    span = captured.span("GET /lazy/{limit}")
    assert span.attributes["obskit.db.queries"] == 13
    assert span.attributes["obskit.db.n_plus_one"] == ("SELECT lines",)


def test_fewer_repeats_are_counted_and_not_suspected(captured, engine):
    asyncio.run(shop(engine).get("/lazy/9"))
    assert not captured.events("db.n_plus_one")
    assert captured.value(SUSPECTED, **labels(db_collection_name="lines")) == 0
    assert captured.value(f"{PER_REQUEST}_count", **labels()) == 1
    assert captured.value(f"{PER_REQUEST}_sum", **labels()) == 10


def test_each_request_counts_for_itself(captured, engine):
    client = shop(engine)

    async def both():
        await asyncio.gather(client.get("/lazy/6"), client.get("/lazy/6"))

    asyncio.run(both())
    assert not captured.events("db.n_plus_one")
    assert captured.value(f"{PER_REQUEST}_sum", **labels()) == 14


def test_async_engine_names_the_line_that_awaits(captured, sqlite):
    engine = obskit.instrument(create_async_engine(sqlite("aiosqlite")))
    app = FastAPI()

    async def one_by_one(connection):
        for number in range(10):
            await connection.execute(select(Order).where(Order.id == number))

    @app.get("/loop")
    async def loop() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
            await one_by_one(connection)

    async def run():
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(obskit.instrument(app)), base_url="http://shop"
        )
        await client.get("/loop")
        await engine.dispose()

    asyncio.run(run())
    (line,) = captured.events("db.n_plus_one")
    assert line["collection"] == "orders"
    assert "one_by_one" in line["code"]


def test_message_is_counted_by_its_destination(captured, engine):
    with obskit.consume(Message(system="kafka", headers={}), destination="orders.created"):
        count_lines(engine, 12)
    (line,) = captured.events("db.n_plus_one")
    assert line["destination"] == "orders.created"
    assert captured.span("process orders.created").attributes["obskit.db.queries"] == 13
    found = captured.value(SUSPECTED, **labels("", "orders.created", db_collection_name="lines"))
    assert found == 1


def test_work_outside_a_request_is_not_counted_for_ever(captured, engine):
    obskit.bind(worker=1)
    count_lines(engine, 12)
    assert context.bound().statements is None
    assert not captured.events("db.n_plus_one")


def test_repeats_setting_moves_the_threshold(captured, engine):
    obskit.shutdown()
    telemetry = obskit.init(service="testing", version="1", log_format="none", db_repeats=3)
    asyncio.run(shop(engine).get("/lazy/3"))
    assert telemetry.registry.get_sample_value(SUSPECTED, labels(db_collection_name="lines")) == 1
