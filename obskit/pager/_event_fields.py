"""What events and change events have in common: fields, their checks, and the texts about them.

The texts are PagerDuty's own where they are known, its spelling included, and follow
their form where they are not.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from obskit.pager._errors import InvalidEventError
from obskit.pager._incident import Link
from obskit.pager._text import one_line

__all__ = [
    "MAX_BYTES",
    "MAX_LINKS",
    "context_errors",
    "details_errors",
    "is_blank",
    "left_out",
    "offered_links",
    "origin_of",
    "read_event",
    "routing_errors",
    "seconds_of",
    "summary_errors",
    "timestamp_errors",
    "web_links",
]

MAX_BYTES = 512 * 1024
"""The largest event that PagerDuty takes, in bytes."""
MAX_LINKS = 50
"""Links that one incident keeps."""

_KEY_LENGTH = 32
_SUMMARY_LENGTH = 1024
_DEPTH = 100
_YEARS = range(1971, 9999)
_WEB = re.compile(r"https?://[^\s\x00-\x20]+", re.IGNORECASE)


def origin_of(routing_key: str) -> str:
    """Return what is kept of a routing key: enough to tell two apart, useless to a thief."""
    return hashlib.sha256(routing_key.encode()).hexdigest()[:16]


def read_event(body: bytes) -> dict[str, Any]:
    """Return the JSON object in *body*.

    Raises:
        InvalidEventError: it holds something else.
    """
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        raw = None
    if not isinstance(raw, dict):
        raise InvalidEventError(
            ["JSON parse error"], status="Unrecognized object", message="Event object format is unrecognized"
        )
    return raw


def offered_links(raw: Mapping[str, Any]) -> Iterable[Link]:
    """Give the links, images and sender's address of an event as links, whatever they hold."""
    for item in raw.get("links") or ():
        yield Link(item["href"], one_line(item.get("text") or item["href"], 200))
    for image in raw.get("images") or ():
        yield Link(image["src"], one_line(image.get("alt") or "Image", 200))
    if raw.get("client_url"):
        yield Link(raw["client_url"], one_line(raw.get("client") or "Sender", 200))


def web_links(offered: Iterable[Link]) -> tuple[Link, ...]:
    """Return the links that lead to the web."""
    return tuple(link for link in offered if _WEB.fullmatch(link.href))[:MAX_LINKS]


def left_out(offered: Iterable[Link]) -> tuple[tuple[str, str], ...]:
    """Return what the timeline says of the links that lead elsewhere."""
    return tuple(_remark(link) for link in offered if not _WEB.fullmatch(link.href))[:MAX_LINKS]


def _remark(link: Link) -> tuple[str, str]:
    # A page is never refused for its ornaments, nor does it carry a javascript: address.
    return "note", f"Not shown as a link, because it is no web address: {one_line(link.href, 200)}"


def is_blank(value: Any) -> bool:
    """Return whether a field is missing or holds nothing."""
    return value is None or (isinstance(value, str) and not value.strip())


def routing_errors(value: Any, routing_key: str) -> Iterable[str]:
    """Give what is wrong with the routing key of an event."""
    if is_blank(value):
        yield "'routing_key' cannot be blank"
        return
    text = value if isinstance(value, str) else ""
    if len(text) != _KEY_LENGTH:
        yield f"Length of 'routing_key' is incorrect (should be {_KEY_LENGTH} characters)"
    if not text.isalnum() or not text.isascii():
        yield "'routing_key' cannot contain non-alphanumeric characters."
    elif len(text) == _KEY_LENGTH and not hmac.compare_digest(text.encode(), routing_key.encode()):
        yield "Invalid routing key"


def summary_errors(payload: Mapping[str, Any]) -> Iterable[str]:
    """Give what is wrong with the summary of a payload."""
    summary = payload.get("summary")
    if is_blank(summary):
        yield "'payload.summary' is missing or blank"
    elif not isinstance(summary, str):
        yield "'payload.summary' is invalid (must be a string)"
    elif len(summary) > _SUMMARY_LENGTH:
        # PagerDuty's own spelling: clients and searches know this text.
        yield f"'summary' is too long (maiximum is {_SUMMARY_LENGTH} characters)"


def timestamp_errors(payload: Mapping[str, Any]) -> Iterable[str]:
    """Give what is wrong with the time of a payload."""
    if not is_blank(payload.get("timestamp")) and _moment(payload["timestamp"]) is None:
        yield "'payload.timestamp' is invalid (must be an ISO 8601 date and time)"


def details_errors(payload: Mapping[str, Any]) -> Iterable[str]:
    """Give what is wrong with the custom details of a payload."""
    details = payload.get("custom_details")
    if not isinstance(details, dict | None):
        yield "'payload.custom_details' is invalid (must be an object)"
    elif _deeper_than(_DEPTH, details):
        yield f"'payload.custom_details' is nested too deeply (maximum is {_DEPTH} levels)"


def seconds_of(payload: Mapping[str, Any]) -> float | None:
    """Return the time of a payload in Unix seconds; None when it has none."""
    moment = _moment(payload.get("timestamp"))
    # Go sends the year 1 for "no time".
    return moment.timestamp() if moment is not None and moment.year in _YEARS else None


def context_errors(raw: Mapping[str, Any]) -> Iterable[str]:
    """Give what is wrong with the sender, links and images of an event."""
    yield from (
        f"'{name}' is invalid (must be a string)"
        for name in ("client", "client_url")
        if not isinstance(raw.get(name), str | None)
    )
    for name, required, optional in (("links", "href", "text"), ("images", "src", "alt")):
        items = raw.get(name) or []
        if not isinstance(items, list):
            yield f"'{name}' is invalid (must be an array)"
            continue
        for place, item in enumerate(items):
            yield from _item_errors(f"{name}[{place}]", item, required, optional)


def _item_errors(place: str, item: Any, required: str, optional: str) -> Iterable[str]:
    if not isinstance(item, dict):
        yield f"'{place}' is invalid (must be an object)"
    elif is_blank(item.get(required)):
        yield f"'{place}.{required}' is missing or blank"
    elif not isinstance(item[required], str):
        yield f"'{place}.{required}' is invalid (must be a string)"
    elif not isinstance(item.get(optional), str | None):
        yield f"'{place}.{optional}' is invalid (must be a string)"


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    # A time without a zone would be read in this machine's, which the sender does not know.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _deeper_than(limit: int, value: Any) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
