"""The user that the load generator is: logged in at the start, and kept logged in."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx

__all__ = ["Credentials", "LoginError", "Session", "no_cookies"]

_LOGIN, _REFRESH, _LOGOUT = "/api/auth/login", "/api/auth/refresh", "/api/auth/logout"
_SHARE = 0.8
"""Share of a token's life after which it is refreshed."""
_AGAIN_S = 2.0
_COOKIE = "refresh_token"


class LoginError(Exception):
    """The load generator could not log in; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and its password; the password is in no repr."""

    name: str
    password: str

    @classmethod
    def read(cls, file: Path, name: str) -> "Credentials":
        """Return the credentials of *name* from the file that the users service keeps.

        Raises:
            LoginError: the file cannot be read, or does not have that name.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            msg = f"The passwords in {file} cannot be read; start the users service, or use --anonymous."
            raise LoginError(msg) from error
        if name not in content:
            msg = f"{file} has no user {name!r}; it has {', '.join(content)}."
            raise LoginError(msg)
        return cls(name, content[name])

    def __repr__(self) -> str:
        return f"Credentials({self.name!r})"

    def body(self) -> dict[str, str]:
        """Return what a login sends."""
        return {"name": self.name, "password": self.password}


def no_cookies() -> CookieJar:
    """Return a jar that keeps nothing: many logins share one client here, each with its own cookie."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


class Session:
    """Gives the header of each call. Without credentials it gives none, for a gateway that asks for none."""

    def __init__(self, client: httpx.AsyncClient, credentials: Credentials | None) -> None:
        self.credentials = credentials
        self.headers: dict[str, str] = {}
        self._client = client
        self._refresh_token = ""
        self._good_for_s = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Log in, and stay logged in while the block runs.

        Raises:
            LoginError: the gateway does not answer, or refuses the login.
        """
        if self.credentials is None:
            yield
            return
        await self._log_in(self.credentials)
        task = asyncio.create_task(self._stay(self.credentials))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def end(self, answer: httpx.Response) -> None:
        """End the login that *answer* began, so that logins do not pile up."""
        await self._post(_LOGOUT, _token_of(answer))

    async def _log_in(self, credentials: Credentials) -> None:
        try:
            answer = await self._client.post(
                _LOGIN, json=credentials.body(), extensions={"url_template": _LOGIN}
            )
        except httpx.TransportError as error:
            msg = f"{self._client.base_url} does not answer a login ({type(error).__name__}); is it up?"
            raise LoginError(msg) from error
        if answer.status_code != HTTPStatus.OK:
            msg = f"The login of {credentials.name} was refused ({answer.status_code}); use --anonymous to go without."
            raise LoginError(msg)
        self._keep(answer)

    async def _stay(self, credentials: Credentials) -> None:
        while True:
            await asyncio.sleep(self._good_for_s * _SHARE)
            try:
                answer = await self._post(_REFRESH, self._refresh_token)
                if answer.status_code == HTTPStatus.OK:
                    self._keep(answer)
                else:
                    await self._log_in(credentials)
            except (httpx.TransportError, LoginError):
                # The token at hand is good for a while; calls that fail later are counted as such.
                self._good_for_s = _AGAIN_S

    def _keep(self, answer: httpx.Response) -> None:
        content = answer.json()
        self.headers = {"Authorization": f"Bearer {content['access_token']}"}
        self._good_for_s = float(content["expires_in"])
        self._refresh_token = _token_of(answer)

    async def _post(self, path: str, token: str) -> httpx.Response:
        headers = {"Cookie": f"{_COOKIE}={token}"}
        return await self._client.post(path, headers=headers, extensions={"url_template": path})


def _token_of(answer: httpx.Response) -> str:
    first, _, _ = answer.headers.get("set-cookie", "").partition(";")
    return str(first.partition("=")[2])
