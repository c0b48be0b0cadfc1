"""Errors as RFC 9457 problem details: every answer that is not a success says what is wrong."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

__all__ = ["MEDIA_TYPE", "Problem", "install"]

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the standard's word for it
    """A request that cannot be answered as asked; becomes the response's status and body.

    *kind* is a short name that a program can compare, for example ``out-of-stock``; *detail*
    is one sentence for people; *about* are further members of the body.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.about = about or {}

    def response(self) -> JSONResponse:
        """Return the HTTP response that tells it."""
        body = {
            "type": f"urn:obskit-samples:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.about,
        }
        return JSONResponse(body, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of *app* with a problem body."""
    app.exception_handler(Problem)(_problem)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(Exception)(_broken)


async def _problem(_request: Request, error: Problem) -> JSONResponse:
    return error.response()


async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    # The input itself is not repeated: it is the caller's, and may be long or secret.
    errors = [{"where": ".".join(map(str, item["loc"])), "problem": item["msg"]} for item in error.errors()]
    is_json = not any(item["type"] == "json_invalid" for item in error.errors())
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_json else HTTPStatus.BAD_REQUEST
    detail = "; ".join(f"{item['where']}: {item['problem']}" for item in errors) + "."
    return Problem(status, "invalid-request", detail, about={"errors": errors}).response()


async def _refused(_request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers) if error.headers else None
    return Problem(error.status_code, "refused", f"{error.detail}.", headers=headers).response()


async def _broken(request: Request, _error: Exception) -> JSONResponse:
    # Starlette raises the error again after this answer, so obskit logs it with its stack trace.
    detail = f"{request.app.title} failed while it worked on this; its log has the reason."
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", detail).response()
