"""Who may change things: whoever showed the admin token once, in this browser."""

import hashlib
import hmac
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import context, ui

__all__ = ["Access"]

_COOKIE = "obskit-access"
_AGE_S = 30 * 86400


class Access:
    """Checks a browser's cookie, which is made from the admin token and does not tell it."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._mark = hmac.new(token.encode(), b"obskit console", hashlib.sha256).hexdigest()

    def serve(self, app: FastAPI) -> None:
        """Let ``POST /sign-in`` with the token's form field set the cookie."""

        @app.post("/sign-in", include_in_schema=False)
        async def sign_in(request: Request) -> Response:
            fields = await request.form()
            token, onward = str(fields.get("token", "")), str(fields.get("next", "/"))
            target = onward if onward.startswith("/") and not onward.startswith("//") else "/"
            if not hmac.compare_digest(token.strip().encode(), self.token.encode()):
                return RedirectResponse(f"/sign-in?wrong=1&next={quote(target, safe='')}", 303)
            answer = RedirectResponse(target, 303)
            answer.set_cookie(_COOKIE, self._mark, max_age=_AGE_S, httponly=True, samesite="strict")
            return answer

    @property
    def may_change(self) -> bool:
        """Whether the browser of this page showed the token."""
        request = context.client.request
        return request is not None and hmac.compare_digest(request.cookies.get(_COOKIE, ""), self._mark)

    def require(self, back: str) -> bool:
        """Tell whether this browser may change things; if not, ask it for the token first."""
        if self.may_change:
            return True
        ui.navigate.to(f"/sign-in?next={quote(back, safe='')}")
        return False
