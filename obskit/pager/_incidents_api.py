"""The pager's own API: read incidents, and do what a person does with them."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from obskit.pager._errors import RefusedError
from obskit.pager._export import as_markdown
from obskit.pager._incident import STATUSES, Incident, Status
from obskit.pager._operations import Action
from obskit.pager._pager import Pager
from obskit.pager._requests import Authorized, Served, limit_of, number_of, read_object
from obskit.pager._text import one_line

__all__ = ["router"]

router = APIRouter(prefix="/v1/incidents")

_MAX_NAME = 100
_MAX_NOTE = 2_000


@router.get("")
async def list_incidents(pager: Served, status: str = "", limit: str = "100") -> Response:
    """List incidents, newest first; *status* may name several, separated by commas, or ``open``."""
    incidents = await pager.latest(_statuses(status), limit_of(limit))
    return _json({"incidents": [_shown(pager, incident) for incident in incidents]})


@router.get("/{incident}.md")
async def export_incident(incident: str, pager: Served) -> Response:
    """Return an incident with its timeline as Markdown."""
    found = await pager.find(number_of(incident))
    text = as_markdown(found, pager.url(found), await pager.changes_near(found))
    return Response(text, media_type="text/markdown")


@router.get("/{incident}")
async def show_incident(incident: str, pager: Served) -> Response:
    """Return one incident."""
    return _json(await _full(pager, await pager.find(number_of(incident))))


@router.post("/{incident}/acknowledge", dependencies=[Authorized])
async def acknowledge_incident(request: Request, incident: str, pager: Served) -> Response:
    """Acknowledge an incident in the name of the body's ``by``: no more notifications."""
    return await _press(request, incident, pager, "acknowledge")


@router.post("/{incident}/resolve", dependencies=[Authorized])
async def resolve_incident(request: Request, incident: str, pager: Served) -> Response:
    """Resolve an incident in the name of the body's ``by``; a later trigger opens a new one."""
    return await _press(request, incident, pager, "resolve")


@router.post("/{incident}/note", dependencies=[Authorized])
async def note_incident(request: Request, incident: str, pager: Served) -> Response:
    """Add the body's ``text`` to an incident's timeline; a resolved one takes notes too."""
    return await _press(request, incident, pager, "note")


@router.post("/{incident}/escalate", dependencies=[Authorized])
async def escalate_incident(request: Request, incident: str, pager: Served) -> Response:
    """Tell the next level of the escalation at once; an acknowledged incident triggers again."""
    return await _press(request, incident, pager, "escalate")


async def _press(request: Request, incident: str, pager: Pager, action: Action) -> Response:
    body = await read_object(request)
    text = _text(body) if action == "note" else ""
    return _json(await _full(pager, await pager.press(number_of(incident), action, _name(body), text)))


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


def _text(body: Mapping[str, Any]) -> str:
    text = body.get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > _MAX_NOTE:
        msg = f"'text' is not a text of 1 to {_MAX_NOTE} characters."
        raise RefusedError(400, msg, fix='Send a note, such as {"text": "rolled back", "by": "ann"}.')
    return one_line(text, _MAX_NOTE)


def _name(body: Mapping[str, Any]) -> str:
    by = body.get("by")
    if by is None:
        return "the holder of the admin token"
    name = one_line(by, _MAX_NAME) if isinstance(by, str) else ""
    if not name:
        raise RefusedError(400, "'by' is not a name.", fix='Send a name, such as {"by": "ann"}, or nothing.')
    return name


def _shown(pager: Pager, incident: Incident) -> dict[str, Any]:
    return {**incident.to_json(), "url": pager.url(incident), "escalation": pager.escalation(incident)}


async def _full(pager: Pager, incident: Incident) -> dict[str, Any]:
    changes = await pager.changes_near(incident)
    return {**_shown(pager, incident), "changes": [change.to_json() for change in changes]}


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
