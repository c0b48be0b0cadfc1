"""What each abuser does, again and again."""

import json
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import jwt

from sample_services.contracts import AUDIENCE, ISSUER

__all__ = ["PATTERNS", "NothingToAbuseError", "Once", "Pattern", "Secrets"]

Once = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
"""One step of an abuser, as far as the answer that matters."""

_LOGIN, _REFRESH, _LOGOUT = "/api/auth/login", "/api/auth/refresh", "/api/auth/logout"
_VICTIMS = ("alice", "bob")
_EXPIRED_S = 3600
_DOORS = (
    ".env",
    ".git/config",
    "wp-login.php",
    "phpmyadmin",
    "admin.php",
    "actuator/env",
    "v1/users",
    "cgi-bin",
)
_METHODS = ("GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "PROPFIND", "TRACK", "DEBUG")


class NothingToAbuseError(Exception):
    """What the abuser needs is not there; the text says what."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The folder with what an abuser has stolen: passwords of the demo users, and keys that sign tokens."""

    folder: Path

    def passwords(self) -> dict[str, str]:
        """Return the password of each demo user.

        Raises:
            NothingToAbuseError: the users service has not made them.
        """
        return _read_json(self.folder / "demo_users.json")

    def expired_token(self) -> str:
        """Return an access token that was good until an hour ago, signed as the good ones are.

        Raises:
            NothingToAbuseError: the users service has made no key.
        """
        files = sorted((self.folder / "signing_keys").glob("*.pem"))
        if not files:
            msg = f"{self.folder} has no signing key; start the users service."
            raise NothingToAbuseError(msg)
        ended = int(time.time()) - _EXPIRED_S
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "00000000-0000-4000-8000-000000000000",
            "name": "somebody",
            "iat": ended - _EXPIRED_S,
            "exp": ended,
            "jti": secrets.token_hex(8),
        }
        kid = files[-1].stem.partition("-")[2]
        return jwt.encode(claims, files[-1].read_bytes(), algorithm="RS256", headers={"kid": kid})


@dataclass(frozen=True, slots=True)
class Pattern:
    """An abuser: how many steps a second it takes at 100 %, and how a step is made."""

    rate: float
    make: Callable[[Secrets, random.Random], Once]


def _flood(_stolen: Secrets, _chance: random.Random) -> Once:
    async def once(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(_LOGOUT)

    return once


def _guess(_stolen: Secrets, _chance: random.Random) -> Once:
    names = cycle(_VICTIMS)

    async def once(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(_LOGIN, json={"name": next(names), "password": secrets.token_urlsafe(9)})

    return once


def _expired(stolen: Secrets, _chance: random.Random) -> Once:
    headers = {"Authorization": f"Bearer {stolen.expired_token()}"}

    async def once(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get("/api/home", headers=headers)

    return once


def _reuse(stolen: Secrets, _chance: random.Random) -> Once:
    name = _VICTIMS[-1]
    body = {"name": name, "password": stolen.passwords()[name]}

    async def once(client: httpx.AsyncClient) -> httpx.Response:
        begun = await client.post(_LOGIN, json=body)
        cookie, _, _ = begun.headers.get("set-cookie", "").partition(";")
        if not cookie:
            return begun
        await client.post(_REFRESH, headers={"Cookie": cookie})  # whoever it was given to
        return await client.post(_REFRESH, headers={"Cookie": cookie})  # whoever copied it

    return once


def _scan(_stolen: Secrets, chance: random.Random) -> Once:
    async def once(client: httpx.AsyncClient) -> httpx.Response:
        path = f"/api/{chance.choice(_DOORS)}/{chance.randrange(16**8):08x}"
        return await client.request(chance.choice(_METHODS), path)

    return once


PATTERNS: Mapping[str, Pattern] = {
    "client-flood": Pattern(50.0, _flood),
    "brute-force-login": Pattern(16.0, _guess),
    "expired-token-storm": Pattern(40.0, _expired),
    "refresh-token-reuse": Pattern(2.0, _reuse),
    "random-url-scanner": Pattern(40.0, _scan),
}
"""Every abuser. The rates are what two cores carry beside honest load."""


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read ({type(error).__name__}); start the users service."
        raise NothingToAbuseError(msg) from error
    return content
