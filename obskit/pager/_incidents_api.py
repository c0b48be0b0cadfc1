"""The pager's own API: read incidents, acknowledge and resolve them."""

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from obskit.pager._errors import RefusedError
from obskit.pager._export import as_markdown
from obskit.pager._incident import STATUSES, Incident, Status
from obskit.pager._pager import Pager
from obskit.pager._requests import Authorized, Served, number_of, read_object
from obskit.pager._text import one_line

__all__ = ["router"]

router = APIRouter(prefix="/v1/incidents")

_MAX_LIMIT = 1_000
_MAX_NAME = 100


@router.get("")
async def list_incidents(pager: Served, status: str = "", limit: str = "100") -> Response:
    """List incidents, newest first; *status* may name several, separated by commas, or ``open``."""
    incidents = await pager.latest(_statuses(status), _limit(limit))
    return _json({"incidents": [_shown(pager, incident) for incident in incidents]})


@router.get("/{incident}.md")
async def export_incident(incident: str, pager: Served) -> Response:
    """Return an incident with its timeline as Markdown."""
    found = await pager.find(number_of(incident))
    return Response(as_markdown(found, pager.url(found)), media_type="text/markdown")


@router.get("/{incident}")
async def show_incident(incident: str, pager: Served) -> Response:
    """Return one incident."""
    return _json(_shown(pager, await pager.find(number_of(incident))))


@router.post("/{incident}/acknowledge", dependencies=[Authorized])
async def acknowledge_incident(request: Request, incident: str, pager: Served) -> Response:
    """Acknowledge an incident in the name of the body's ``by``: no more notifications."""
    return _json(_shown(pager, await pager.press(number_of(incident), "acknowledge", await _name(request))))


@router.post("/{incident}/resolve", dependencies=[Authorized])
async def resolve_incident(request: Request, incident: str, pager: Served) -> Response:
    """Resolve an incident in the name of the body's ``by``; a later trigger opens a new one."""
    return _json(_shown(pager, await pager.press(number_of(incident), "resolve", await _name(request))))


def _statuses(text: str) -> Sequence[Status]:
    if not text:
        return STATUSES
    if text == "open":
        return ("triggered", "acknowledged")
    wanted = text.split(",")
    for status in wanted:
        if status not in STATUSES:
            fix = f"Use {', '.join(STATUSES)} or open."
            raise RefusedError(400, f"{status[:40]!r} is not a status of incidents.", fix=fix)
    return [status for status in STATUSES if status in wanted]


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MAX_LIMIT:
        return int(text)
    fix = f"Use a whole number from 1 to {_MAX_LIMIT}."
    raise RefusedError(400, f"{text[:40]!r} is not a limit.", fix=fix)


async def _name(request: Request) -> str:
    by = (await read_object(request)).get("by")
    if by is None:
        return "the holder of the admin token"
    name = one_line(by, _MAX_NAME) if isinstance(by, str) else ""
    if not name:
        raise RefusedError(400, "'by' is not a name.", fix='Send a name, such as {"by": "ann"}, or nothing.')
    return name


def _shown(pager: Pager, incident: Incident) -> dict[str, Any]:
    return {**incident.to_json(), "url": pager.url(incident)}


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
