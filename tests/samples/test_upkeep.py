"""Work that a service repeats: how it goes on after a failure."""

import asyncio

import pytest
from sqlalchemy.exc import SQLAlchemyError

from sample_services.upkeep import every

INTERVAL_S = 0.05
ROUNDS = 10


@pytest.mark.anyio
async def test_a_failed_round_is_made_up_for_sooner_than_the_next_would_come() -> None:
    done = {"works": 0, "fails": 0}
    enough = asyncio.Event()

    async def works() -> None:
        done["works"] += 1
        if done["works"] == ROUNDS:
            enough.set()

    async def fails() -> None:
        done["fails"] += 1
        raise SQLAlchemyError

    async with every(INTERVAL_S, works), every(INTERVAL_S, fails):
        await enough.wait()
    assert done["fails"] > ROUNDS
