"""Takes and lists change events: PagerDuty's Change Events API v2."""

import orjson
from fastapi import APIRouter, Request, Response

from obskit.pager._events_api import Intake
from obskit.pager._requests import Served, limit_of

__all__ = ["router"]

router = APIRouter()


@router.post("/v2/change/enqueue")
async def enqueue_change(request: Request) -> Response:
    """Take an event of the Change Events API v2."""
    intake: Intake = request.app.state.intake
    return await intake.take_change(request)


@router.get("/v1/changes")
async def list_changes(pager: Served, limit: str = "100") -> Response:
    """List change events, newest first."""
    changes = await pager.latest_changes(limit_of(limit))
    body = orjson.dumps({"changes": [change.to_json() for change in changes]})
    return Response(body, media_type="application/json")
