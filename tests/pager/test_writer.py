import asyncio
import sqlite3
import threading

import pytest

from obskit.pager import Store
from obskit.pager._writer import Writer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pager.db"


def test_many_at_once_share_few_commits(path):
    class Counting(Store):
        batches: tuple[int, ...] = ()

        def together(self, operations):
            self.batches = (*self.batches, len(operations))
            return super().together(operations)

    async def flood():
        store = Counting(path)
        writer = Writer(store)
        results = await asyncio.gather(
            *(writer.run(lambda s, n=n: (s.note(str(n), n), n)[1]) for n in range(500))
        )
        noted = await writer.run(lambda s: s.noted("499"))
        await writer.close()
        return results, noted, store.batches

    results, noted, batches = asyncio.run(flood())
    assert results == list(range(500))
    assert noted == 499
    assert len(batches) <= 5


def test_the_event_loop_goes_on_while_the_store_waits(path):
    async def both():
        writer = Writer(Store(path))
        gate = threading.Event()
        waiting = asyncio.create_task(writer.run(lambda _: gate.wait(10)))
        await asyncio.sleep(0)
        turns = 0
        for turns in range(1, 100):  # noqa: B007 - counted
            await asyncio.sleep(0)
        gate.set()
        assert await waiting
        await writer.close()
        return turns

    assert asyncio.run(both()) == 99


def test_a_failure_reaches_who_asked_and_the_next_one_works(path):
    def breaks(_):
        msg = "disk is full"
        raise sqlite3.OperationalError(msg)

    async def run():
        writer = Writer(Store(path))
        with pytest.raises(sqlite3.OperationalError, match="disk is full"):
            await writer.run(breaks)
        found = await writer.run(lambda s: s.counts())
        await writer.close()
        return found

    assert asyncio.run(run()) == {}


def test_a_cancelled_request_takes_nothing_from_the_others(path):
    async def run():
        writer = Writer(Store(path))
        gone = asyncio.create_task(writer.run(lambda s: s.note("a", 1)))
        stays = asyncio.create_task(writer.run(lambda s: s.noted("a")))
        await asyncio.sleep(0)
        gone.cancel()
        found = await stays
        await writer.close()
        return found

    assert asyncio.run(run()) == 1


def test_closing_finishes_what_was_asked_for(path):
    async def run():
        writer = Writer(Store(path))
        asked = asyncio.create_task(writer.run(lambda s: s.note("a", 1)))
        await asyncio.sleep(0)
        await writer.close()
        await asked

    asyncio.run(run())
    store = Store(path)
    assert store.noted("a") == 1
    store.close()
