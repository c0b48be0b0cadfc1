"""What every route needs of a request: the pager behind it, its body, and who asks."""

import asyncio
import hmac
import re
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from obskit.pager._errors import RefusedError
from obskit.pager._event_fields import MAX_BYTES
from obskit.pager._pager import Pager

__all__ = ["Authorized", "Served", "limit_of", "number_of", "read_body", "read_object"]

_PATIENCE_BYTES = 16 * MAX_BYTES
"""What is read of a body that is too large: a sender that is cut off never sees the answer."""
_PATIENCE_S = 30.0
_MAX_LIMIT = 1_000
_INCIDENT = re.compile(r"INC-0*(\d{1,18})", re.IGNORECASE | re.ASCII)


async def read_body(request: Request) -> bytes:
    """Return the request's body.

    Raises:
        RefusedError: it is larger than 512 KB, or its sender is too slow or went away.
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= MAX_BYTES:
                    body += chunk
                elif size > _PATIENCE_BYTES:
                    break
    except ClientDisconnect as error:
        raise RefusedError(400, "The sender went away.", fix="Send the whole request.") from error
    except TimeoutError as error:
        msg = f"The body did not arrive within {_PATIENCE_S:g} s."
        raise RefusedError(408, msg, fix="Send the whole request at once.") from error
    if size > MAX_BYTES:
        raise RefusedError(413, f"The body is larger than {MAX_BYTES} bytes.", fix="Send less.")
    return bytes(body)


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the request's body; an empty body is an empty object.

    Raises:
        RefusedError: the body is something else.
    """
    body = await read_body(request)
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, f"The body is not JSON: {error}.", fix="Send a JSON object.") from error
    if not isinstance(value, dict):
        msg = f"The body is a JSON {type(value).__name__}."
        raise RefusedError(400, msg, fix='Send a JSON object, such as {"by": "ann"}.')
    return value


def _served(request: Request) -> Pager:
    pager: Pager = request.app.state.pager
    return pager


Served = Annotated[Pager, Depends(_served)]
"""The pager that a route acts on."""


def _authorized(request: Request, pager: Served) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    fix = "Send the header 'Authorization: Bearer <token>' with the token in secrets/admin_token."
    if scheme.lower() != "bearer" or not token:
        raise RefusedError(401, "This needs the admin token.", fix=fix)
    if not hmac.compare_digest(token.strip().encode(), pager.settings.admin_token.encode()):
        raise RefusedError(403, "The admin token is wrong.", fix=fix)


Authorized = Depends(_authorized)
"""Lets only those in who hold the admin token: 401 without one, 403 with a wrong one."""


def number_of(incident: str) -> int:
    """Return the number of an incident called as in a path, such as 1 for ``INC-000001``.

    Raises:
        RefusedError: no incident is ever called so.
    """
    match = _INCIDENT.fullmatch(incident)
    if match is None:
        msg = f"{incident[:40]!r} is not an incident; they are called like INC-000001."
        raise RefusedError(404, msg, fix="List them: obskit incidents list")
    return int(match[1])


def limit_of(text: str) -> int:
    """Return how many entries a query asks for.

    Raises:
        RefusedError: it is no whole number, or more than 1 000.
    """
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MAX_LIMIT:
        return int(text)
    fix = f"Use a whole number from 1 to {_MAX_LIMIT}."
    raise RefusedError(400, f"{text[:40]!r} is not a limit.", fix=fix)
