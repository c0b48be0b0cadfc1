"""The public HTTP routes: orders, products, logins, and the start page of a front end."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import APIRouter, Depends, Query, Request, Response

import obskit
from sample_services.contracts import IDEMPOTENCY_KEY
from sample_services.faults import Faults
from sample_services.gateway.accounts import Accounts
from sample_services.gateway.identity import Caller, Identity
from sample_services.gateway.limiter import Limiter
from sample_services.gateway.models import AccessToken, Home, Login, Mode, NewOrder, Order, Products
from sample_services.gateway.page import StartPage
from sample_services.gateway.products import Catalogue
from sample_services.gateway.store import OrdersClient
from sample_services.problems import Problem
from sample_services.upstream import UpstreamError

__all__ = ["Parts", "router"]

_PASSED_ON = ("Retry-After", "Set-Cookie", "Cache-Control")

_PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": text, **_PROBLEM}
    for status, text in {
        400: "The body is not JSON.",
        401: "There is no access token, or it is not good.",
        402: "The payment was declined.",
        409: "There is no such stock, or the order of this key is being worked on.",
        422: "A field, parameter or header is not accepted.",
        429: "This client asks too often.",
        502: "A service behind the gateway failed.",
        503: "A service behind the gateway cannot take the request now.",
        504: "A service behind the gateway did not answer in time.",
    }.items()
}

router = APIRouter(prefix="/api", responses=_FAILURES)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with; kept in the application's state."""

    identity: Identity
    limiter: Limiter
    accounts: Accounts
    orders: OrdersClient
    catalogue: Catalogue
    page: StartPage
    faults: Faults


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(_parts)]


async def _caller(request: Request, parts: PartsOf) -> Caller | None:
    caller = await parts.identity.caller(request)
    await parts.limiter.request(request, caller)
    return caller


async def _anybody(request: Request, parts: PartsOf) -> None:
    await parts.limiter.request(request, None)


async def _logging_in(request: Request, parts: PartsOf) -> None:
    await parts.limiter.login(request)


CallerOf = Annotated[Caller | None, Depends(_caller)]


@router.post(
    "/orders",
    status_code=HTTPStatus.CREATED,
    response_model=Order,
    responses={202: {"model": Order, "description": "Accepted; Location shows its state."}},
)
async def place_order(
    wanted: NewOrder,
    caller: CallerOf,
    parts: PartsOf,
    mode: Annotated[Mode, Query()] = "sync",
    key: Annotated[str | None, IDEMPOTENCY_KEY] = None,
) -> Response:
    return _passed_on(await parts.orders.place(wanted, mode, key, caller))


@router.get("/orders/{order_id}", response_model=Order, responses={404: {"description": "No such order."}})
async def show_order(order_id: UUID, caller: CallerOf, parts: PartsOf) -> Response:
    return _passed_on(await parts.orders.show(order_id, caller))


@router.get("/products", dependencies=[Depends(_anybody)])
async def list_products(
    parts: PartsOf,
    response: Response,
    after: Annotated[str, Query(max_length=32, pattern="^[A-Z0-9-]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Products:
    try:
        page = await parts.catalogue.page(after, limit)
    except UpstreamError as error:
        raise Problem(error.status, "dependency-failed", error.detail) from error
    if page.next:
        response.headers["Link"] = f'</api/products?after={page.next}&limit={limit}>; rel="next"'
    return page


@router.get("/home")
async def show_home(caller: CallerOf, parts: PartsOf) -> Home:
    if caller is None:
        detail = "The start page is somebody's; send an access token."
        raise Problem(HTTPStatus.UNAUTHORIZED, "not-authenticated", detail)
    return await parts.page.show(caller)


@router.post("/auth/login", response_model=AccessToken, dependencies=[Depends(_logging_in)])
async def log_in(given: Login, request: Request, parts: PartsOf) -> Response:
    return _passed_on(await parts.accounts.log_in(request, given))


@router.post("/auth/refresh", response_model=AccessToken, dependencies=[Depends(_logging_in)])
async def refresh(request: Request, parts: PartsOf) -> Response:
    return _passed_on(await parts.accounts.refresh(request))


@router.post("/auth/logout", status_code=HTTPStatus.NO_CONTENT, dependencies=[Depends(_logging_in)])
async def log_out(request: Request, parts: PartsOf) -> Response:
    if not request.cookies:  # nothing that the users service could end
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _passed_on(await parts.accounts.log_out(request))


def _passed_on(answer: httpx.Response) -> Response:
    headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    if "Location" in answer.headers:
        headers["Location"] = f"/api{answer.headers['Location']}"
        obskit.bind(order_id=headers["Location"].rpartition("/")[2])
    return Response(answer.content, answer.status_code, headers, answer.headers.get("Content-Type"))
