"""Logins, passed on to the users service with the cookie that it sets."""

from typing import Any

import httpx
from fastapi import Request

from sample_services.gateway.identity import Caller
from sample_services.gateway.models import Login
from sample_services.problems import Problem
from sample_services.resilient import Resilient
from sample_services.upstream import UpstreamError

__all__ = ["Accounts"]


class Accounts:
    """The users service, as the gateway calls it.

    Each method raises :class:`Problem` with 502, 503 or 504 when the service fails; its
    refusals are returned.
    """

    def __init__(self, users: Resilient) -> None:
        self._users = users

    async def log_in(self, request: Request, given: Login) -> httpx.Response:
        """Begin a login."""
        body = {"name": given.name, "password": given.password.get_secret_value()}
        return await self._send(request, "/login", json=body)

    async def refresh(self, request: Request) -> httpx.Response:
        """Go on with a login; never repeated, for a refresh token that comes twice is taken for stolen."""
        return await self._send(request, "/refresh")

    async def log_out(self, request: Request) -> httpx.Response:
        """End a login."""
        return await self._send(request, "/logout")

    async def profile(self, caller: Caller) -> dict[str, str]:
        """Return what the users service knows of a caller.

        Raises:
            UpstreamError: it does not say.
        """
        answer = await self._users.send(
            "GET", f"/users/{caller.user_id}", template="/users/{user_id}", is_repeatable=True
        )
        if not answer.is_success:
            msg = f"users answered {answer.status_code}."
            raise UpstreamError(502, msg, is_answered=True)
        profile: dict[str, str] = answer.json()
        return profile

    async def _send(self, request: Request, path: str, **options: Any) -> httpx.Response:
        # The cookie is marked secure where the caller came by HTTPS, and only this service knows.
        headers = {"X-Forwarded-Proto": request.url.scheme}
        if cookie := request.headers.get("cookie"):
            headers["Cookie"] = cookie
        try:
            return await self._users.send("POST", path, template=path, headers=headers, **options)
        except UpstreamError as error:
            raise Problem(error.status, "dependency-failed", error.detail) from error
