"""Posts a page to a web address, signed."""

import hashlib
import hmac
import time
from urllib.parse import urlsplit

import httpx
import orjson

from obskit.pager._brief import brief
from obskit.pager._errors import NotifyError
from obskit.pager._notify import Page

__all__ = ["Webhook", "signature"]

_TIMEOUT_S = 10.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return what the header ``X-Obskit-Signature`` says of *body* sent at *timestamp*, in Unix seconds."""
    return f"v1={hmac.new(secret, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


class Webhook:
    """Posts pages as JSON to *url*; ``X-Obskit-Signature`` proves who sent them.

    The receiver computes the HMAC-SHA256 of ``<X-Obskit-Timestamp>.<body>`` with the
    shared *secret*, compares it, and refuses old timestamps. ``X-Obskit-Delivery`` is the
    same each time a page is tried: what it has seen is not to be told again.
    """

    def __init__(self, name: str, url: str, secret: bytes) -> None:
        self.name = name
        self._url = url
        self._secret = secret
        self._host = urlsplit(url).hostname or ""

    @staticmethod
    def problem(url: str) -> str | None:
        """Return why *url* cannot be used, without showing it; None when it can."""
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            usable, parts = False, urlsplit("")
        if not usable or any(char.isspace() for char in url):
            return "is no web address; http and https are accepted, such as https://chat.example.org/hook."
        if parts.username or parts.password:
            return "holds a password; url_file names a file with the whole address."
        return None

    async def send(self, page: Page) -> None:
        """Post *page*; what answers 2xx has taken it.

        Raises:
            NotifyError: it answered something else, or nothing.
        """
        body = orjson.dumps(_body(page))
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "obskit-pager",
            "X-Obskit-Delivery": page.delivery,
            "X-Obskit-Timestamp": timestamp,
            "X-Obskit-Signature": signature(self._secret, timestamp, body),
        }
        is_here = self._host in _LOOPBACK
        try:
            # A proxy of the environment has no business between two programs of one machine.
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=not is_here) as client:
                answer = await client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            # The error's text may show the address, which may be a secret.
            msg = f"{self._host} does not answer ({type(error).__name__})"
            raise NotifyError(msg) from error
        if not answer.is_success:
            msg = f"{self._host} answers {answer.status_code}"
            raise NotifyError(msg)


def _body(page: Page) -> dict[str, object]:
    told = brief(page.incident)
    return {
        "type": "incident.page",
        "delivery": page.delivery,
        "text": told.line,  # what Slack and its kin show
        "reason": page.reason,
        "impact": told.harm,
        "action": told.do,
        "incident": {**page.incident.to_json(), "url": page.url},
    }
