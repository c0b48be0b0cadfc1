"""Passwords: hashed with Argon2id, checked off the event loop, and never a default one."""

import asyncio
import json
import os
import secrets
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sample_services.users.store import Users

__all__ = ["DEMO_USERS", "Passwords", "demo_passwords", "seed"]

DEMO_USERS = ("alice", "bob", "loadgen")
"""The users that exist after the first start."""

_AT_ONCE = 2
_BYTES = 18


class Passwords:
    """Hashes and checks passwords: 19 MiB and two passes each, as OWASP asks for Argon2id.

    A check takes some 30 ms of one core. No more than two run at once, so that a flood of
    logins costs neither the memory nor the processor of the other requests.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._free = asyncio.Semaphore(_AT_ONCE)
        # What a name that nobody has is checked against: the answer takes as long.
        self._nobody = self._hasher.hash(secrets.token_urlsafe(_BYTES))

    async def hash(self, password: str) -> str:
        """Return the hash to store, with its salt and parameters in it."""
        async with self._free:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Tell whether *password* is the one; None, for nobody, takes as long and never matches."""
        async with self._free:
            return await asyncio.to_thread(self._verify, password_hash, password)

    def _verify(self, password_hash: str | None, password: str) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None


def demo_passwords(file: Path) -> dict[str, str]:
    """Return the password of each demo user; a file that is missing is made, for its owner only."""
    try:
        return _read(file)
    except FileNotFoundError:
        pass
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {name: secrets.token_urlsafe(_BYTES) for name in DEMO_USERS}
    part = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        json.dump(content, opened, indent=2)
    part.replace(file)
    return content


async def seed(users: Users, passwords: Passwords, file: Path) -> None:
    """Give each demo user the password in *file*; one that has it already keeps its hash."""
    for name, password in demo_passwords(file).items():
        found = await users.password_hash(name)
        if not await passwords.matches(found[1] if found else None, password):
            await users.set_password(name, await passwords.hash(password))


def _read(file: Path) -> dict[str, str]:
    content = json.loads(file.read_text(encoding="utf-8"))
    return {str(name): str(password) for name, password in content.items()}
