"""A signed token against a look at the session: who is the caller?"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import jwt
from sqlalchemy import Column, MetaData, String, Table, bindparam, insert, select

import obskit
from sample_services.contracts import AUDIENCE, ISSUER
from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.shop_data import database
from sample_services.users.keys import KeyRing

__all__ = ["LAB"]

_SESSIONS = 10_000
_TABLES = MetaData()
_sessions = Table(
    "sessions", _TABLES, Column("id", String(36), primary_key=True), Column("user_id", String(36))
)
_FIND = select(_sessions.c.user_id).where(_sessions.c.id == bindparam("session"))


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    keys = KeyRing(bench.home / "keys")
    keys.open()
    public = jwt.PyJWK(keys.jwks()["keys"][0])
    token = keys.sign("user-1", "alice")
    ids = [str(uuid.UUID(int=number)) for number in range(bench.size(_SESSIONS))]
    async with database(bench, _TABLES) as shop:
        async with shop.write() as connection:
            await connection.execute(insert(_sessions), [{"id": each, "user_id": "user-1"} for each in ids])

        async def verify(_number: int) -> None:
            with obskit.auth_check("access_token"):
                jwt.decode(token, public, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER)

        async def look_up(number: int) -> None:
            with obskit.auth_check("session"):
                async with shop.read() as connection:
                    found = {"session": ids[number * 7919 % len(ids)]}
                    (await connection.execute(_FIND, found)).scalar_one()

        yield Stand(
            [
                Way(name="jwt", what="RS256, checked with a public key in memory", call=verify),
                Way(name="session-lookup", what="one row of the session table, by its key", call=look_up),
            ]
        )


LAB = Lab(
    name="jwt-vs-session-lookup",
    question="What does it cost each request to know who calls?",
    ways=("jwt", "session-lookup"),
    rate=60,
    seconds=3,
    contrasts=(Contrast("p50_s"), Contrast("cpu_s"), Contrast("queries")),
    stand=_stand,
)
