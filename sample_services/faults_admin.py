"""The routes that turn faults on and off: only where enabled, from this machine, with the token."""

import hmac
import ipaddress
import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel, ConfigDict

from sample_services.faults import Fault, Faults
from sample_services.problems import Problem

__all__ = ["guard", "install"]


class Level(BaseModel):
    """How many percent of the operations a fault shall hit."""

    model_config = ConfigDict(extra="forbid", strict=True)

    level: int


def install(app: FastAPI, faults: Faults, token: str | None) -> None:
    """Give *app* its faults, and serve ``/admin/faults``; without a *token* there is no such route."""
    app.state.faults = faults
    if token is not None:
        app.include_router(_router(faults, token))


def guard(token: str) -> Callable[[Request], Awaitable[None]]:
    """Return the dependency that lets only this machine pass, and only with *token*."""

    async def allowed(request: Request) -> None:
        _require_loopback(request)
        _require_token(request, token)

    return allowed


def _router(faults: Faults, token: str) -> APIRouter:
    async def known(fault_id: str) -> Fault:
        if fault_id not in faults.known:
            accepted = ", ".join(faults.known) or "none"
            detail = f"This service has no fault {fault_id!r}; it has: {accepted}."
            raise Problem(HTTPStatus.NOT_FOUND, "unknown-fault", detail)
        return faults.known[fault_id]

    router = APIRouter(prefix="/admin/faults", tags=["faults"], dependencies=[Depends(guard(token))])

    @router.get("")
    async def list_faults() -> dict[str, list[dict[str, str | int]]]:
        return {"faults": [faults.status(fault_id) for fault_id in faults.known]}

    @router.post("/{fault_id}")
    async def turn_on(fault: Annotated[Fault, Depends(known)], wanted: Level) -> dict[str, str | int]:
        if wanted.level not in fault.levels:
            levels = ", ".join(map(str, fault.levels))
            detail = f"level={wanted.level} is not a level of {fault.id}; use {levels}."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-level", detail)
        await faults.turn_on(fault.id, wanted.level)
        return faults.status(fault.id)

    @router.delete("/{fault_id}")
    async def turn_off(fault: Annotated[Fault, Depends(known)]) -> dict[str, str | int]:
        await faults.turn_off(fault.id)
        return faults.status(fault.id)

    return router


def _require_loopback(request: Request) -> None:
    # Behind a proxy on this machine uvicorn puts the caller that the proxy names here.
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        is_local = False
    else:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        is_local = (mapped or address).is_loopback or (_takes_private() and (mapped or address).is_private)
    if not is_local:
        detail = "Faults are turned on and off from the machine itself only; call 127.0.0.1."
        raise Problem(HTTPStatus.FORBIDDEN, "loopback-only", detail)


def _takes_private() -> bool:
    # In a container nobody comes from loopback: not the published port, not the console beside it.
    return os.environ.get("OBSKIT_FAULTS_FROM") == "private"


def _require_token(request: Request, token: str) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not is_right:
        detail = "Send the header 'Authorization: Bearer <token>'; the token is in OBSKIT_FAULTS_TOKEN_FILE."
        headers = {"WWW-Authenticate": "Bearer"}
        raise Problem(HTTPStatus.UNAUTHORIZED, "token-required", detail, headers=headers)
