"""Reads events of PagerDuty's Events API v2 and says what is wrong with them in its words.

The texts are PagerDuty's own where they are known, its spelling included, and follow
their form where they are not.
"""

import hashlib
import hmac
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import orjson

from obskit.pager._errors import InvalidEventError
from obskit.pager._incident import SEVERITIES, Link, Severity
from obskit.pager._text import one_line

__all__ = ["MAX_BYTES", "MAX_LINKS", "Event", "origin_of", "parse"]

MAX_BYTES = 512 * 1024
"""The largest event that PagerDuty takes, in bytes."""
MAX_LINKS = 50
"""Links that one incident keeps."""

Action = Literal["trigger", "acknowledge", "resolve"]

_NEED_KEY = ("acknowledge", "resolve")
_KEY_LENGTH = 32
_SUMMARY_LENGTH = 1024
_DEDUP_LENGTH = 255
_DEPTH = 100
_YEARS = range(1971, 9999)
_TEXTS = ("component", "group", "class")
_WEB = re.compile(r"https?://[^\s\x00-\x20]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event that keeps the contract. An acknowledge or resolve needs no more than its keys."""

    action: Action
    origin: str
    dedup_key: str
    summary: str = ""
    source: str = ""
    severity: Severity = "error"
    service: str = ""
    client: str = ""
    occurred_at: float | None = None
    links: tuple[Link, ...] = ()
    remarks: tuple[tuple[str, str], ...] = ()
    """More lines for the timeline of the incident that it opens: type and message."""
    details: Mapping[str, Any] = field(default_factory=dict)


def origin_of(routing_key: str) -> str:
    """Return what is kept of a routing key: enough to tell two apart, useless to a thief."""
    return hashlib.sha256(routing_key.encode()).hexdigest()[:16]


def parse(body: bytes, routing_key: str) -> Event:
    """Return the event in *body*.

    Raises:
        InvalidEventError: it breaks the contract, or its key is not *routing_key*.
    """
    raw = _object(body)
    trigger = raw.get("event_action") == "trigger"
    payload = raw.get("payload") or {}
    errors = [
        *_routing_errors(raw.get("routing_key"), routing_key),
        *_action_errors(raw.get("event_action")),
        *_dedup_errors(raw.get("dedup_key"), required=raw.get("event_action") in _NEED_KEY),
    ]
    if trigger:
        errors += [*_payload_errors(payload), *_context_errors(raw)]
    if errors:
        raise InvalidEventError(errors)
    dedup_key = raw.get("dedup_key") or uuid.uuid4().hex
    sender = raw.get("client")
    event = Event(
        action=raw["event_action"],
        origin=origin_of(routing_key),
        dedup_key=dedup_key,
        client=sender if isinstance(sender, str) else "",
    )
    return _triggering(event, raw, payload) if trigger else event


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        raw = None
    if not isinstance(raw, dict):
        raise InvalidEventError(
            ["JSON parse error"], status="Unrecognized object", message="Event object format is unrecognized"
        )
    return raw


def _triggering(event: Event, raw: Mapping[str, Any], payload: Mapping[str, Any]) -> Event:
    offered = list(_offered_links(raw))
    return replace(
        event,
        summary=payload["summary"],
        source=payload["source"],
        severity=payload["severity"],
        service=payload.get("component") or payload["source"],
        occurred_at=_seconds(_moment(payload.get("timestamp"))),
        links=tuple(link for link in offered if _WEB.fullmatch(link.href))[:MAX_LINKS],
        remarks=tuple(_left_out(link) for link in offered if not _WEB.fullmatch(link.href))[:MAX_LINKS],
        details=payload.get("custom_details") or {},
    )


def _offered_links(raw: Mapping[str, Any]) -> Iterable[Link]:
    for item in raw.get("links") or ():
        yield Link(item["href"], one_line(item.get("text") or item["href"], 200))
    for image in raw.get("images") or ():
        yield Link(image["src"], one_line(image.get("alt") or "Image", 200))
    if raw.get("client_url"):
        yield Link(raw["client_url"], one_line(raw.get("client") or "Sender", 200))


def _left_out(link: Link) -> tuple[str, str]:
    # A page is never refused for its ornaments, nor does it carry a javascript: address.
    return "note", f"Not shown as a link, because it is no web address: {one_line(link.href, 200)}"


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _routing_errors(value: Any, routing_key: str) -> Iterable[str]:
    if _blank(value):
        yield "'routing_key' cannot be blank"
        return
    text = value if isinstance(value, str) else ""
    if len(text) != _KEY_LENGTH:
        yield f"Length of 'routing_key' is incorrect (should be {_KEY_LENGTH} characters)"
    if not text.isalnum() or not text.isascii():
        yield "'routing_key' cannot contain non-alphanumeric characters."
    elif len(text) == _KEY_LENGTH and not hmac.compare_digest(text.encode(), routing_key.encode()):
        yield "Invalid routing key"


def _action_errors(value: Any) -> Iterable[str]:
    if _blank(value):
        yield "'event_action' is missing or blank"
    elif value not in get_args(Action):
        yield "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"


def _dedup_errors(value: Any, *, required: bool) -> Iterable[str]:
    if _blank(value):
        if required:
            yield "'dedup_key' is missing or blank"
    elif not isinstance(value, str):
        yield "'dedup_key' is invalid (must be a string)"
    elif len(value) > _DEDUP_LENGTH:
        yield f"'dedup_key' is too long (maximum is {_DEDUP_LENGTH} characters)"


def _payload_errors(payload: Any) -> Iterable[str]:
    if not isinstance(payload, dict):
        yield "'payload' is invalid (must be an object)"
        return
    for name in ("summary", "source", "severity"):
        if _blank(payload.get(name)):
            yield f"'payload.{name}' is missing or blank"
        elif not isinstance(payload[name], str):
            yield f"'payload.{name}' is invalid (must be a string)"
        elif name == "summary" and len(payload[name]) > _SUMMARY_LENGTH:
            # PagerDuty's own spelling: clients and searches know this text.
            yield f"'summary' is too long (maiximum is {_SUMMARY_LENGTH} characters)"
        elif name == "severity" and payload[name] not in SEVERITIES:
            yield (
                "'payload.severity' is invalid "
                "(must be one of the following: 'critical', 'warning', 'error' or 'info')"
            )
    yield from _optional_errors(payload)


def _optional_errors(payload: Mapping[str, Any]) -> Iterable[str]:
    yield from (
        f"'payload.{name}' is invalid (must be a string)"
        for name in _TEXTS
        if not isinstance(payload.get(name), str | None)
    )
    if not _blank(payload.get("timestamp")) and _moment(payload["timestamp"]) is None:
        yield "'payload.timestamp' is invalid (must be an ISO 8601 date and time)"
    details = payload.get("custom_details")
    if not isinstance(details, dict | None):
        yield "'payload.custom_details' is invalid (must be an object)"
    elif _deeper_than(_DEPTH, details):
        yield f"'payload.custom_details' is nested too deeply (maximum is {_DEPTH} levels)"


def _context_errors(raw: Mapping[str, Any]) -> Iterable[str]:
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
    elif _blank(item.get(required)):
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


def _seconds(moment: datetime | None) -> float | None:
    # Go sends the year 1 for "no time".
    return moment.timestamp() if moment is not None and moment.year in _YEARS else None


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
