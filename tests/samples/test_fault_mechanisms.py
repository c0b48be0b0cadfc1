"""What a mechanism does to a service grows with the level, is bounded, and is mended."""

import asyncio
import sqlite3
import time
from contextlib import asynccontextmanager, closing

import pytest
from sqlalchemy import Column, Index, Integer, MetaData, String, Table, insert, select
from sqlalchemy.exc import OperationalError

from sample_services.database import Database
from sample_services.faults import Fault, Faults, Reach, load

TABLES = MetaData()
THINGS = Table(
    "things",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("name", String(20)),
    Index("things_name", "name"),
)
DEADLINE_S = 60.0


class History:
    """The table of things, as a service gives it to its faults."""

    table = THINGS

    def __init__(self, database):
        self._database = database

    async def fill(self, rows):
        async with self._database.write() as connection:
            await connection.execute(insert(THINGS), [{"name": "old"}] * rows)

    async def clear(self):
        async with self._database.write() as connection:
            await connection.execute(THINGS.delete())


def row(mechanism, **options):
    return Fault.model_validate(
        load()[0].model_dump()
        | {"id": "broken", "service": "shop", "mechanism": mechanism, "options": options}
    )


@pytest.fixture
def opened(tmp_path, captured):
    @asynccontextmanager
    async def make(mechanism, **options):
        database = Database(f"sqlite+aiosqlite:///{tmp_path}/shop.db")
        await database.open(TABLES)
        faults = Faults(
            "shop", Reach(database=database, history=History(database)), [row(mechanism, **options)]
        )
        try:
            async with faults.running():
                yield faults, database
        finally:
            await database.close()

    return make


async def until(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def hits(faults):
    return faults.status("broken")["hits"]


async def write(database):
    async with database.write() as connection:
        await connection.execute(insert(THINGS), {"name": "new"})


def is_locked(path):
    connection = sqlite3.connect(path, timeout=0)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


def test_lock_is_held_by_another_connection_until_the_fault_is_off(opened, tmp_path):
    async def run():
        async with opened("lock-writer", table="things") as (faults, database):
            await faults.turn_on("broken", 100)
            await until(lambda: is_locked(tmp_path / "shop.db"))
            await faults.turn_off("broken")
            assert not is_locked(tmp_path / "shop.db")
            await write(database)

    asyncio.run(run())


def test_lock_at_half_the_level_lets_writers_in_between(opened, tmp_path):
    async def run():
        async with opened("lock-writer", table="things", cycle_s=0.4) as (faults, database):
            await faults.turn_on("broken", 50)
            await until(lambda: is_locked(tmp_path / "shop.db"))
            await write(database)
            await until(lambda: hits(faults) > 1)

    asyncio.run(run())


async def failures(database, reads):
    failed = 0
    for _ in range(reads):
        try:
            async with database.read() as connection:
                await connection.execute(select(THINGS))
        except OperationalError:
            failed += 1
    return failed


def test_lost_database_fails_as_many_reads_as_the_level_says(opened):
    async def run():
        async with opened("lose-database") as (faults, database):
            counts = []
            for level in (10, 50, 100):
                await faults.turn_on("broken", level)
                counts.append(await failures(database, 60))
            await faults.turn_off("broken")
            assert 0 < counts[0] < counts[1] < counts[2] == 60
            assert await failures(database, 10) == 0

    asyncio.run(run())


def test_connections_are_held_by_level_and_given_back(opened):
    async def run():
        async with opened("hold-connections") as (faults, database):
            for level, held in ((10, 2), (50, 8), (100, 15)):
                await faults.turn_on("broken", level)
                await until(lambda held=held: database.engine.pool.checkedout() == held)
            await faults.turn_off("broken")
            assert database.engine.pool.checkedout() == 0

    asyncio.run(run())


def asked(path, query):
    """Ask on a connection of its own: EXPLAIN does not notice that the tables were changed."""
    with closing(sqlite3.connect(path, timeout=DEADLINE_S)) as connection:
        return connection.execute(query).fetchall()


def plan(path):
    return str(asked(path, "EXPLAIN QUERY PLAN SELECT * FROM things WHERE name = 'x'"))


def count(path):
    return asked(path, "SELECT count(*) FROM things")[0][0]


@pytest.mark.parametrize("ends", ["switched off", "service stops"])
def test_dropped_index_makes_the_database_scan_more_with_the_level(opened, tmp_path, ends):
    file = tmp_path / "shop.db"

    async def run():
        async with opened("drop-index", index="things_name", rows=400) as (faults, _):
            assert "SEARCH" in plan(file)
            for level, rows in ((25, 100), (100, 400)):
                await faults.turn_on("broken", level)
                assert "SCAN" in plan(file)
                await until(lambda rows=rows: count(file) == rows)
            if ends == "switched off":
                await faults.turn_off("broken")
        assert "SEARCH" in plan(file)
        assert count(file) == 0

    asyncio.run(run())


def test_leak_is_bounded(opened, captured):
    async def run():
        async with opened("leak-memory", mb_per_s=4.0, most_mb=5) as (faults, _):
            await faults.turn_on("broken", 100)
            await until(lambda: hits(faults) == 2)
            await asyncio.sleep(0.7)  # the time in which a third would come
            assert hits(faults) == 2

    asyncio.run(run())
    assert [line["held_mb"] for line in captured.events("fault.injected")] == [2.0, 4.0]


def test_flood_is_bounded(opened, captured):
    async def run():
        async with opened("flood-log", lines_per_s=1000.0, most=250) as (faults, _):
            await faults.turn_on("broken", 100)
            await until(lambda: hits(faults) == 3)
            await asyncio.sleep(0.3)  # the time in which more would come
            assert hits(faults) == 3

    asyncio.run(run())
    assert len(captured.events("cart.dumped")) == 300


@pytest.mark.parametrize(("level", "blocked_s"), [(50, 0.1), (100, 0.2)])
def test_loop_stands_still_for_as_long_as_the_level_says(opened, level, blocked_s):
    async def run():
        async with opened("block-loop", seconds=0.2, every_s=0.5) as (faults, _):
            loop = asyncio.get_running_loop()
            await faults.turn_on("broken", level)
            longest, before = 0.0, loop.time()
            while hits(faults) < 2:
                await asyncio.sleep(0)
                longest, before = max(longest, loop.time() - before), loop.time()
            assert longest >= blocked_s * 0.99

    asyncio.run(run())


def test_what_hangs_goes_on_when_the_fault_is_off(opened):
    async def run():
        async with opened("hang", point="work") as (faults, _):
            await faults.turn_on("broken", 100)
            work = asyncio.create_task(faults.at("work"))
            await until(lambda: hits(faults) == 1)
            assert not work.done()
            await faults.turn_off("broken")
            await asyncio.wait_for(work, DEADLINE_S)

    asyncio.run(run())


def test_new_level_takes_the_place_of_the_old_one(opened):
    async def run():
        async with opened("divert", point="work") as (faults, _):
            await faults.turn_on("broken", 100)
            assert faults.divert("work")
            await faults.turn_on("broken", 25)
            assert faults.status("broken") == {"id": "broken", "level": 25, "hits": 0}
            taken = sum(faults.divert("work") for _ in range(400))
            assert 60 < taken < 140
            assert not faults.divert("elsewhere")

    asyncio.run(run())


def test_fault_that_needs_what_the_service_has_not_stays_off(opened):
    async def run():
        async with opened("poison", subject="orders.created", per_s=2.0) as (faults, _):
            with pytest.raises(RuntimeError, match="broken needs a part"):
                await faults.turn_on("broken", 100)
            assert faults.status("broken")["level"] == 0

    asyncio.run(run())
