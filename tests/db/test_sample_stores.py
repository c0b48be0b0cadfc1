"""The stores of the sample services on real databases: SQLite, PostgreSQL, and a replica for late reads."""

import asyncio
import sqlite3
import uuid
from contextlib import closing
from unittest.mock import patch

import pytest

from sample_services.contracts import OrderCreated
from sample_services.database import Database
from sample_services.inventory.store import Inventory
from sample_services.notifications.models import Batch, NewCampaign
from sample_services.notifications.store import Notifications, Progress
from sample_services.orders.models import NewOrder
from sample_services.orders.store import Orders
from sample_services.payments.models import NewCharge
from sample_services.payments.store import Charges
from sample_services.users.store import Users

WANTED = NewOrder(sku="TEA-GREEN", quantity=2)


async def place_orders(database):
    orders = Orders(database)
    await orders.open()
    order, is_new = await orders.create(WANTED, "async", "key", "alice")
    again, is_second = await orders.create(WANTED, "async", "key", "alice")
    assert (is_new, is_second, again.id) == (True, False, order.id)
    await orders.notes.fill(50)
    assert (await orders.finish(order.id, "completed")).state == "completed"
    assert [found.id for found in await orders.latest("alice", 10)] == [order.id]
    assert await orders.summary(60) == {"completed": 1}
    await orders.notes.clear()
    assert await orders.trim() == 0
    assert (await orders.outbox.state()).waiting == 1  # that it has ended


async def reserve_stock(database):
    inventory = Inventory(database)
    await inventory.open()
    before = await inventory.available("TEA-GREEN")
    wanted = OrderCreated(order_id=uuid.uuid4(), sku="TEA-GREEN", quantity=2)
    answers = await asyncio.gather(*(inventory.reserve(wanted) for _ in range(4)))
    assert {answer.state for answer in answers} == {"reserved"}
    assert await inventory.available("TEA-GREEN") == before - 2
    assert (await inventory.release(str(wanted.order_id))).state == "released"
    assert [row.available for row in await inventory.page("TEA-BLACK", 1)] == [before]


async def charge(database):
    charges = Charges(database)
    await charges.open()
    wanted = NewCharge(order_id=uuid.uuid4(), amount_cents=900)
    pending = await charges.begin(wanted)
    assert (await charges.begin(wanted)).order_id == pending.order_id
    assert (await charges.decide(pending, "paid", reference="r1")).reference == "r1"
    assert (await charges.give_up(pending.order_id)).state == "paid"
    assert (await charges.find(pending.order_id)).state == "given_up"


async def log_in(database):
    users = Users(database)
    await users.open()
    await users.set_password("bob", "hash")
    user, _ = await users.password_hash("bob")
    limits = {"most": 2, "window_s": 60, "lock_s": 60}
    assert [await users.failed("bob", **limits) for _ in range(2)] == [False, True]
    assert await users.locked_s("bob") > 0
    first = await users.begin_family(user)
    assert (await users.refresh(first)).outcome == "ok"
    assert (await users.refresh(first)).outcome == "reused"
    assert await users.trim() == 0


async def send_mail(database):
    notifications = Notifications(database)
    await notifications.open()
    wanted = NewCampaign(subject="Tea", text="Leaves", recipients=250, bounce_percent=1)
    campaign, _ = await notifications.create(wanted, "key")
    assert (await notifications.outbox.state()).waiting == 3
    batch = Batch(campaign_id=campaign.id, number=0, size=100)
    done = Progress(began_at=0, sent=99, bounced=["bounce-1@example.test"])
    for _ in range(2):  # a second worker that began where the first did changes nothing
        await notifications.begin(batch)
    assert (await notifications.find(campaign.id)).maybe_repeated == 0
    for _ in range(2):
        await notifications.record(batch, done)
    found = await notifications.find(campaign.id)
    assert (found.remaining, found.maybe_repeated) == (150, 100)  # both may have sent it
    await notifications.begin(second := Batch(campaign_id=campaign.id, number=1, size=100))
    await notifications.record(second, Progress(began_at=0, sent=100))
    assert (await notifications.find(campaign.id)).maybe_repeated == 100
    assert await notifications.suppressed(["bounce-1@example.test", "x@example.test"]) == {
        "bounce-1@example.test"
    }
    await notifications.suppress("asked@example.test")
    assert await notifications.forget_suppressions() == 0
    with patch("sample_services.notifications.store._SUPPRESSED_S", -60.0):  # half a year later
        assert await notifications.forget_suppressions() == 1
    assert [row.reason for row in await notifications.suppressions("", 9)] == ["asked"]


STORES = (place_orders, reserve_stock, charge, log_in, send_mail)


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.__name__)
@pytest.mark.parametrize("driver", ["aiosqlite", "asyncpg"])
def test_a_store_works_on_both_databases(request, captured, driver, store):
    url = request.getfixturevalue("sqlite" if driver == "aiosqlite" else "postgresql")(driver)

    async def scenario():
        database = Database(url.render_as_string(hide_password=False))
        try:
            await store(database)
            await database.check()
        finally:
            await database.close()

    asyncio.run(scenario())


def test_late_reads_go_to_the_replica_and_to_the_first_database_while_it_is_away(captured, tmp_path):
    first, copy = tmp_path / "first.db", tmp_path / "copy.db"

    async def scenario():
        database = Database(f"sqlite+aiosqlite:///{first}", f"sqlite+aiosqlite:///{copy}")
        orders = Orders(database)
        try:
            await orders.open()
            with closing(sqlite3.connect(first)) as file:
                file.execute("VACUUM INTO ?", [str(copy)])
            order, _ = await orders.create(WANTED, "async", None, "alice")
            assert (await orders.find(order.id)).id == order.id  # what must be true now asks the first
            late = [await orders.latest("alice", 10)]
            await database._replica.dispose()
            copy.unlink()
            copy.mkdir()  # no database any more
            late += [await orders.latest("alice", 10) for _ in range(3)]
        finally:
            await database.close()
        return [[found.id for found in page] for page in late], order.id

    pages, order_id = asyncio.run(scenario())
    assert pages == [[], [order_id], [order_id], [order_id]]
    assert len(captured.events("database.replica_away")) == 1
