"""Who calls: access tokens, checked with the users service's public keys and no call to it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import jwt
from fastapi import Request

import obskit
from sample_services.contracts import AUDIENCE, ISSUER
from sample_services.problems import Problem
from sample_services.resilient import Resilient
from sample_services.upstream import UpstreamError

__all__ = ["Caller", "Identity"]

_REFRESH_S = 300.0

# Tokens that name keys which are not there must not become calls: so many looks in so many seconds.
_LOOKS = 5
_LOOKS_S = 10.0
_LEEWAY_S = 5.0
_METHOD = "access_token"
_WORDS = {
    "missing": "missing",
    "expired": "expired",
    "malformed": "no token",
    "bad_signature": "not signed by the users service",
    "bad_claims": "not meant for this service",
}
_CLAIMS = ["exp", "iat", "sub", "iss", "aud"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The user that an access token names."""

    user_id: str
    name: str


class Identity:
    """Checks access tokens. The keys are fetched beside the requests, and when a new key turns up.

    While the users service is away the keys at hand stay good: who is logged in goes on.
    """

    def __init__(self, users: Resilient, *, is_required: bool) -> None:
        self._users = users
        self._is_required = is_required
        self._keys: dict[str, jwt.PyJWK] = {}
        self._looked_at: deque[float] = deque(maxlen=_LOOKS)
        self._asking = asyncio.Lock()
        self._log = obskit.get_logger()

    async def caller(self, request: Request) -> Caller | None:
        """Return who calls, or None for a caller without a token where that is allowed.

        Raises:
            Problem: there is no token, or it is not good (401), or no key could be had (503).
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme and not self._is_required:
            return None
        try:
            with obskit.auth_check(_METHOD) as check:
                if scheme.lower() != "bearer" or not token.strip():
                    check.reject("missing")
                    raise _refused(reason="missing")
                claims = await self._claims(token.strip())
        except jwt.PyJWTError as error:
            raise _refused(reason=_reason(error)) from error
        caller = Caller(str(claims["sub"]), str(claims.get("name", "")))
        obskit.bind(user_id=caller.user_id)
        return caller

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Fetch the published keys at once and every 300 s while the block runs.

        So long a key that was withdrawn is still good. When the users service does not
        answer, the keys at hand are kept.
        """
        task = asyncio.create_task(self._refresh())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _refresh(self) -> None:
        while True:
            async with self._asking:
                await self._fetch()
            await asyncio.sleep(_REFRESH_S)

    async def _claims(self, token: str) -> dict[str, Any]:
        key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")))
        if key is None:
            msg = "the key that it names is not published"
            raise jwt.InvalidSignatureError(msg)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=_LEEWAY_S,
            options={"require": _CLAIMS},
        )
        return claims

    async def _key(self, kid: str) -> jwt.PyJWK | None:
        if kid not in self._keys:
            async with self._asking:
                # Whoever waited here may find it now.
                if kid not in self._keys and self._may_look():
                    await self._fetch()
        if not self._keys:
            detail = "The keys that tokens are checked with cannot be had now; try again in a moment."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-keys", detail, headers={"Retry-After": "2"})
        return self._keys.get(kid)

    def _may_look(self) -> bool:
        is_often = len(self._looked_at) == _LOOKS and time.monotonic() - self._looked_at[0] < _LOOKS_S
        return not is_often

    async def _fetch(self) -> None:
        self._looked_at.append(time.monotonic())
        path = "/.well-known/jwks.json"
        try:
            answer = await self._users.send("GET", path, template=path, is_repeatable=True)
            fetched = {key.key_id: key for key in jwt.PyJWKSet.from_dict(answer.json()).keys if key.key_id}
        except (UpstreamError, ValueError, jwt.PyJWTError) as error:
            self._log.warning("keys.not_fetched", error=type(error).__name__, at_hand=len(self._keys))
            return
        if fetched.keys() != self._keys.keys():
            self._log.info("keys.changed", kids=sorted(fetched))
        self._keys = fetched


def _refused(*, reason: str) -> Problem:
    detail = f"The access token is {_WORDS[reason]}; log in, or refresh it, and send it again."
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    about = {"reason": reason}
    return Problem(HTTPStatus.UNAUTHORIZED, "not-authenticated", detail, headers=headers, about=about)


def _reason(error: jwt.PyJWTError) -> str:
    if isinstance(error, jwt.ExpiredSignatureError):
        return "expired"
    if isinstance(error, jwt.InvalidSignatureError | jwt.InvalidAlgorithmError | jwt.InvalidKeyError):
        return "bad_signature"
    return "malformed" if isinstance(error, jwt.DecodeError) else "bad_claims"
