"""Takes events: PagerDuty's Events API v2, and the Watchdog's heartbeat."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from obskit.pager._change_event import parse_change
from obskit.pager._errors import InvalidEventError, RefusedError
from obskit.pager._event import parse
from obskit.pager._journal import Journal
from obskit.pager._pager import Pager
from obskit.pager._rate import Rate
from obskit.pager._requests import Served, read_body, read_object

__all__ = ["Intake", "router"]

router = APIRouter()

_THROTTLED = {
    "status": "throttle exceeded",
    "message": "Requests for this service are arriving too quickly.  Please retry later.",
    "errors": ["Enhance Your Calm."],
}


class Intake:
    """The gate that events pass: statuses to answer first (``--fail``), the rate, the contract."""

    def __init__(self, pager: Pager, journal: Journal) -> None:
        self._pager = pager
        self._journal = journal
        self._fail = deque(pager.settings.fail)
        self._rate = Rate(pager.settings.events_per_s, pager.clock)

    async def take(self, request: Request) -> Response:
        """Answer one event as PagerDuty would."""
        return await self._answer(request, self._take_event)

    async def take_change(self, request: Request) -> Response:
        """Answer one change event as PagerDuty would."""
        return await self._answer(request, self._take_change)

    async def _answer(self, request: Request, take: Callable[[bytes], Awaitable[Response]]) -> Response:
        try:
            body = await read_body(request)
        except RefusedError as error:
            return self._refuse(error.status, "invalid event", "Event object is invalid", [str(error)])
        if self._fail:
            status = self._fail.popleft()
            return self._refuse(status, "error", "This status was asked for with --fail.", [str(status)])
        if not self._rate.allow():
            return self._throttle("rate")
        try:
            return await take(body)
        except InvalidEventError as error:
            return self._refuse(400, error.status, error.message, error.errors)
        except RefusedError as error:
            return self._throttle(str(error))

    async def _take_event(self, body: bytes) -> Response:
        event = parse(body, self._pager.settings.routing_key)
        await self._pager.take(event)
        return _json(202, {"status": "success", "message": "Event processed", "dedup_key": event.dedup_key})

    async def _take_change(self, body: bytes) -> Response:
        change = parse_change(body, self._pager.settings.routing_key, self._pager.clock.time())
        await self._pager.record(change)
        return _json(202, {"status": "success", "message": "Change event processed"})

    def _throttle(self, reason: str) -> Response:
        self._journal.refused(429, [reason])
        return _json(429, _THROTTLED, {"Retry-After": "1"})

    def _refuse(self, status: int, short: str, message: str, errors: list[str]) -> Response:
        self._journal.refused(status, errors)
        return _json(status, {"status": short, "message": message, "errors": errors})


@router.post("/v2/enqueue")
async def enqueue(request: Request) -> Response:
    """Take an event of the Events API v2."""
    intake: Intake = request.app.state.intake
    return await intake.take(request)


@router.post("/v1/heartbeat")
async def heartbeat(request: Request, pager: Served) -> Response:
    """Take a webhook of Alertmanager as a sign of life, if the Watchdog fires in it."""
    # A web page may post text without asking first, JSON it may not: no site can fake a heartbeat.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise RefusedError(415, "A heartbeat is JSON.", fix="Send it with Content-Type: application/json.")
    webhook = await read_object(request)
    alerts = webhook.get("alerts")
    if not isinstance(alerts, list):
        fix = "Point a webhook_configs entry of Alertmanager here, on a route for the alert Watchdog."
        raise RefusedError(400, "This is no webhook of Alertmanager: it has no 'alerts'.", fix=fix)
    if any(_is_sign_of_life(alert) for alert in alerts):
        await pager.heartbeat()
        return _json(200, {"status": "alive"})
    return _json(200, {"status": "ignored", "reason": "no firing alert Watchdog in it"})


def _is_sign_of_life(alert: Any) -> bool:
    if not isinstance(alert, dict) or alert.get("status") != "firing":
        return False
    labels = alert.get("labels")
    return isinstance(labels, dict) and labels.get("alertname") == "Watchdog"


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type="application/json")
