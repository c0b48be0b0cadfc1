"""The notifications service's HTTP routes: campaigns and the suppression list."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

import obskit
from sample_services.contracts import IDEMPOTENCY_KEY
from sample_services.notifications.models import Address, Campaign, NewCampaign, Suppression
from sample_services.notifications.store import Notifications
from sample_services.problems import Problem

__all__ = ["router"]

router = APIRouter()
_log = obskit.get_logger()


async def _store(request: Request) -> Notifications:
    store: Notifications = request.app.state.notifications
    return store


Store = Annotated[Notifications, Depends(_store)]


@router.post("/campaigns", status_code=HTTPStatus.ACCEPTED)
async def start_campaign(
    wanted: NewCampaign,
    response: Response,
    store: Store,
    key: Annotated[str | None, IDEMPOTENCY_KEY] = None,
) -> Campaign:
    campaign, is_new = await store.create(wanted, key)
    if not is_new and (campaign.subject, campaign.recipients) != (wanted.subject, wanted.recipients):
        detail = "This Idempotency-Key was used for another campaign; use a new key for a new campaign."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail, about={"id": campaign.id})
    if is_new:
        _log.info("campaign.created", campaign_id=campaign.id, recipients=campaign.recipients)
    response.headers["Location"] = f"/campaigns/{campaign.id}"
    return campaign


@router.get("/campaigns")
async def list_campaigns(
    store: Store, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> dict[str, list[Campaign]]:
    return {"items": await store.newest(limit)}


@router.get("/campaigns/{campaign_id}")
async def show_campaign(campaign_id: UUID, store: Store) -> Campaign:
    campaign = await store.find(str(campaign_id))
    if campaign is None:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-campaign", f"There is no campaign {campaign_id}.")
    return campaign


@router.get("/suppressions")
async def list_suppressions(
    store: Store,
    after: Annotated[str, Query(max_length=254, pattern="^[A-Za-z0-9._+@-]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, list[Suppression]]:
    return {"items": await store.suppressions(after, limit)}


@router.put("/suppressions/{address}")
async def suppress(address: Annotated[Address, Path()], store: Store) -> Suppression:
    return await store.suppress(address)


@router.delete("/suppressions/{address}", status_code=HTTPStatus.NO_CONTENT)
async def allow(address: Annotated[Address, Path()], store: Store) -> None:
    if not await store.allow(address):
        raise Problem(HTTPStatus.NOT_FOUND, "not-suppressed", "This address is not on the suppression list.")
