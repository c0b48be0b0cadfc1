"""How a login begins, goes on and ends; every refusal has one reason, counted and logged."""

import math
from dataclasses import dataclass
from http import HTTPStatus

import obskit
from obskit.auth import AuthCheck
from obskit.auth import Reason as AuthReason
from sample_services.problems import Problem
from sample_services.users.keys import ACCESS_S, KeyRing
from sample_services.users.models import AccessToken, Credentials, Profile
from sample_services.users.passwords import Passwords
from sample_services.users.store import Refreshed, Users

__all__ = ["Lockout", "Session", "Sessions"]


_REASONS: dict[str, AuthReason] = {
    "missing": "missing",
    "unknown": "malformed",
    "expired": "expired",
    "revoked": "revoked",
    "reused": "reused_refresh_token",
}


@dataclass(frozen=True, slots=True)
class Lockout:
    """*most* failed logins, each within *window_s* of the one before, lock a name for *lock_s* seconds."""

    most: int = 5
    window_s: float = 15 * 60.0
    lock_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """What a caller gets: the access token to send, and the refresh token to keep in its cookie."""

    access: AccessToken
    refresh: str


class Sessions:
    """Logs users in and out. Each method raises :class:`Problem` with what the caller may know."""

    def __init__(self, users: Users, keys: KeyRing, passwords: Passwords, lockout: Lockout) -> None:
        self._users = users
        self._keys = keys
        self._passwords = passwords
        self._lockout = lockout
        self._log = obskit.get_logger()

    async def log_in(self, given: Credentials) -> Session:
        """Begin a login; 401 for a wrong name or password, 429 while the name is locked."""
        with obskit.auth_check("password", subject=given.name) as check:
            await self._refuse_locked(given.name, check)
            found = await self._users.password_hash(given.name)
            user, password_hash = found or (None, None)
            is_right = await self._passwords.matches(password_hash, given.password.get_secret_value())
            # Once more: guesses that were sent together must not all be answered.
            await self._refuse_locked(given.name, check)
            if user is None or not is_right:
                raise await self._wrong(given.name, check)
        await self._users.succeeded(given.name)
        obskit.bind(user_id=user.id)
        self._log.info("login.succeeded")
        return self._session(user, await self._users.begin_family(user))

    async def refresh(self, token: str | None) -> Session:
        """Go on with a login; 401 for a refresh token that is missing or no longer good."""
        with obskit.auth_check("refresh_token") as check:
            done = await self._users.refresh(token) if token else Refreshed(outcome="missing")
            if done.user is None:
                check.reject(_REASONS[done.outcome])
                raise _not_refreshed(reason=done.outcome)
        obskit.bind(user_id=done.user.id)
        self._log.info("token.refreshed")
        return self._session(done.user, done.token)

    async def log_out(self, token: str | None) -> None:
        """End a login; without one this does nothing."""
        if token:
            await self._users.revoke(token)
            self._log.info("login.ended")

    def _session(self, user: Profile, refresh: str) -> Session:
        access = AccessToken(access_token=self._keys.sign(user.id, user.name), expires_in=ACCESS_S)
        return Session(access, refresh)

    async def _refuse_locked(self, name: str, check: AuthCheck) -> None:
        left_s = await self._users.locked_s(name)
        if left_s:
            check.reject("locked_out")
            seconds = math.ceil(left_s)
            detail = f"Too many failed logins with this name; try again in {seconds} s."
            headers = {"Retry-After": str(seconds)}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "locked", detail, headers=headers)

    async def _wrong(self, name: str, check: AuthCheck) -> Problem:
        lockout = self._lockout
        is_locked = await self._users.failed(
            name, most=lockout.most, window_s=lockout.window_s, lock_s=lockout.lock_s
        )
        check.reject("bad_credentials")
        if is_locked:
            check.lock_out()
        # The same words whether or not somebody has that name.
        return Problem(HTTPStatus.UNAUTHORIZED, "wrong-credentials", "The name or the password is wrong.")


def _not_refreshed(*, reason: str) -> Problem:
    detail = f"The refresh token is {reason}; log in again."
    return Problem(HTTPStatus.UNAUTHORIZED, "not-refreshed", detail, about={"reason": reason})
