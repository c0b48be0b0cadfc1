"""The users service's HTTP routes."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Cookie, Depends, Request, Response

from sample_services import faults_admin
from sample_services.faults import Faults
from sample_services.problems import Problem
from sample_services.users.keys import KeyRing
from sample_services.users.models import AccessToken, Credentials, Profile
from sample_services.users.sessions import Session, Sessions
from sample_services.users.store import REFRESH_S, Users

__all__ = ["COOKIE", "COOKIE_PATH", "admin_router", "router"]

COOKIE = "refresh_token"
COOKIE_PATH = "/api/auth"
"""The refresh token is sent to the routes of logins at the gateway, and to nothing else."""

_JWKS_MAX_AGE_S = 300

router = APIRouter()


async def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


async def _users(request: Request) -> Users:
    users: Users = request.app.state.users
    return users


RefreshToken = Annotated[str | None, Cookie(alias=COOKIE, max_length=256)]
SessionsOf = Annotated[Sessions, Depends(_sessions)]


@router.post("/login")
async def log_in(
    given: Credentials, request: Request, response: Response, sessions: SessionsOf
) -> AccessToken:
    return _answer(request, response, await sessions.log_in(given))


@router.post("/refresh")
async def refresh(
    request: Request, response: Response, sessions: SessionsOf, token: RefreshToken = None
) -> AccessToken:
    return _answer(request, response, await sessions.refresh(token))


@router.post("/logout", status_code=HTTPStatus.NO_CONTENT)
async def log_out(response: Response, sessions: SessionsOf, token: RefreshToken = None) -> None:
    await sessions.log_out(token)
    response.delete_cookie(COOKIE, path=COOKIE_PATH)


@router.get("/.well-known/jwks.json")
async def show_keys(request: Request, response: Response) -> dict[str, Any]:
    keys: KeyRing = request.app.state.keys
    response.headers["Cache-Control"] = f"public, max-age={_JWKS_MAX_AGE_S}"
    return keys.jwks()


@router.get("/users/{user_id}")
async def show_user(user_id: UUID, users: Annotated[Users, Depends(_users)], request: Request) -> Profile:
    faults: Faults = request.app.state.faults
    await faults.at("profile")
    found = await users.find(str(user_id))
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-user", f"There is no user {user_id}.")
    return found


def admin_router(keys: KeyRing, token: str) -> APIRouter:
    """Return the route that rotates the signing key; it wants the admin *token*."""
    admin = APIRouter(prefix="/admin", dependencies=[Depends(faults_admin.guard(token))])

    @admin.post("/keys")
    async def rotate_key() -> dict[str, str]:
        return {"kid": keys.rotate()}

    return admin


def _answer(request: Request, response: Response, session: Session) -> AccessToken:
    response.set_cookie(
        COOKIE,
        session.refresh,
        max_age=REFRESH_S,
        path=COOKIE_PATH,
        httponly=True,
        samesite="strict",
        # What the caller typed, as the proxies before this service tell it.
        secure=request.url.scheme == "https",
    )
    response.headers["Cache-Control"] = "no-store"
    return session.access
