"""Users, their failed logins and their refresh tokens in the database."""

import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sample_services.database import Database
from sample_services.users.models import TABLES, Profile, attempts, refresh_tokens, users

__all__ = ["REFRESH_S", "Refreshed", "Users"]

REFRESH_S = 7 * 24 * 3600
"""Seconds that a refresh token is good for."""

_KEPT_USED = 200_000
_FORGET_ATTEMPTS_S = 24 * 3600.0

_BY_NAME = select(users).where(users.c.name == bindparam("wanted"))
_BY_ID = select(users.c.id, users.c.name).where(users.c.id == bindparam("wanted"))
_ATTEMPTS = select(attempts).where(attempts.c.name_hash == bindparam("wanted"))
_TOKEN = select(refresh_tokens).where(refresh_tokens.c.token_hash == bindparam("wanted"))
_ADD_TOKEN = insert(refresh_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What came of a refresh token: a new *token* for *user*, or the reason why not."""

    outcome: Literal["ok", "missing", "unknown", "expired", "revoked", "reused"]
    user: Profile | None = None
    token: str = ""


class Users:
    """The database of the users service. Tokens and names of attempts are kept as hashes only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        """Make the tables where they are missing."""
        await self._database.open(TABLES)

    async def password_hash(self, name: str) -> tuple[Profile, str] | None:
        """Return the user of that name with the hash of the password, or None when there is none."""
        async with self._database.read() as connection:
            row = (await connection.execute(_BY_NAME, {"wanted": name})).one_or_none()
        return (Profile(id=row.id, name=row.name), row.password_hash) if row else None

    async def find(self, user_id: str) -> Profile | None:
        """Return the user of that id, or None when there is none."""
        async with self._database.read() as connection:
            row = (await connection.execute(_BY_ID, {"wanted": user_id})).one_or_none()
        return Profile(id=row.id, name=row.name) if row else None

    async def set_password(self, name: str, password_hash: str) -> None:
        """Give the user of that name a password; a user that is missing is made."""
        row = {"id": str(uuid.uuid4()), "name": name, "password_hash": password_hash}
        change = update(users).where(users.c.name == name).values(password_hash=password_hash)
        async with self._database.write() as connection:
            if not (await connection.execute(change)).rowcount:
                await connection.execute(insert(users), row)

    async def locked_s(self, name: str) -> float:
        """Return for how many more seconds logins of that name are refused; 0 when they are not."""
        async with self._database.read() as connection:
            row = (await connection.execute(_ATTEMPTS, {"wanted": _hash(name)})).one_or_none()
        return max(0.0, row.locked_until - time.time()) if row else 0.0

    async def failed(self, name: str, *, most: int, window_s: float, lock_s: float) -> bool:
        """Count a failed login and tell whether it is the one that locks the name.

        Failures count together while each comes within *window_s* of the one before; the
        *most*-th locks the name for *lock_s* seconds and the count begins anew.
        """
        now, key = time.time(), {"wanted": _hash(name)}
        async with self._database.write() as connection:
            row = (await connection.execute(_ATTEMPTS, key)).one_or_none()
            if row and row.locked_until > now:
                return False  # locked while this one was checked; the lock stays as it is
            failures = row.failures + 1 if row and now - row.last_at < window_s else 1
            is_locked = failures >= most
            values = {
                "failures": 0 if is_locked else failures,
                "last_at": now,
                "locked_until": now + lock_s if is_locked else 0.0,
            }
            change = (
                update(attempts).where(attempts.c.name_hash == key["wanted"])
                if row
                else insert(attempts).values(name_hash=key["wanted"])
            )
            await connection.execute(change.values(values))
        return is_locked

    async def succeeded(self, name: str) -> None:
        """Forget the failed logins of that name."""
        async with self._database.write_once() as connection:
            await connection.execute(delete(attempts).where(attempts.c.name_hash == _hash(name)))

    async def begin_family(self, user: Profile) -> str:
        """Return the first refresh token of a login."""
        token, row = _token(str(uuid.uuid4()), user.id)
        async with self._database.write_once() as connection:
            await connection.execute(_ADD_TOKEN, row)
        return token

    async def refresh(self, token: str) -> Refreshed:
        """Replace a refresh token by a new one of its family.

        A token that was replaced before is in two hands, and nobody can say whose is honest:
        its whole family is revoked, the newest token too.
        """
        async with self._database.write() as connection:
            row = (await connection.execute(_TOKEN, {"wanted": _hash(token)})).one_or_none()
            if row is None:
                return Refreshed(outcome="unknown")
            if row.state == "used":
                await _set_family(connection, row.family, "revoked")
                return Refreshed(outcome="reused")
            if row.state == "revoked" or row.expires_at <= time.time():
                return Refreshed(outcome="revoked" if row.state == "revoked" else "expired")
            return await _replace(connection, row)

    async def revoke(self, token: str) -> None:
        """Revoke the family of a refresh token: the login it came from has ended."""
        async with self._database.write() as connection:
            row = (await connection.execute(_TOKEN, {"wanted": _hash(token)})).one_or_none()
            if row is not None:
                await _set_family(connection, row.family, "revoked")

    async def trim(self) -> int:
        """Delete what has no meaning any more: expired tokens, old attempts, the oldest used tokens."""
        now = time.time()
        async with self._database.write() as connection:
            await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at < now))
            await connection.execute(delete(attempts).where(attempts.c.last_at < now - _FORGET_ATTEMPTS_S))
        is_used = refresh_tokens.c.state != "active"
        return await self._database.trim(refresh_tokens, refresh_tokens.c.created_at, _KEPT_USED, is_used)


async def _replace(connection: AsyncConnection, row: Any) -> Refreshed:
    user = (await connection.execute(_BY_ID, {"wanted": row.user_id})).one()
    used = update(refresh_tokens).where(refresh_tokens.c.token_hash == row.token_hash)
    await connection.execute(used.values(state="used"))
    token, new = _token(row.family, row.user_id)
    await connection.execute(_ADD_TOKEN, new)
    return Refreshed(outcome="ok", user=Profile(id=user.id, name=user.name), token=token)


async def _set_family(connection: AsyncConnection, family: str, state: str) -> None:
    change = update(refresh_tokens).where(refresh_tokens.c.family == family).values(state=state)
    await connection.execute(change)


def _token(family: str, user_id: str) -> tuple[str, dict[str, Any]]:
    token, now = secrets.token_urlsafe(32), time.time()
    row = {
        "token_hash": _hash(token),
        "family": family,
        "user_id": user_id,
        "state": "active",
        "created_at": now,
        "expires_at": now + REFRESH_S,
    }
    return token, row


def _hash(text: str) -> str:
    # Random tokens need no slow hash: there is nothing to guess.
    return hashlib.sha256(text.encode()).hexdigest()
