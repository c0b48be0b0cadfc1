"""Reads events of PagerDuty's Events API v2 and says what is wrong with them in its words.

The texts are PagerDuty's own where they are known, its spelling included, and follow
their form where they are not.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from obskit.pager._errors import InvalidEventError
from obskit.pager._event_fields import (
    context_errors,
    details_errors,
    is_blank,
    left_out,
    offered_links,
    origin_of,
    read_event,
    routing_errors,
    seconds_of,
    summary_errors,
    timestamp_errors,
    web_links,
)
from obskit.pager._incident import SEVERITIES, Link, Severity
from obskit.pager._silence import silence_link

__all__ = ["Event", "parse"]

Action = Literal["trigger", "acknowledge", "resolve"]

_NEED_KEY = ("acknowledge", "resolve")
_DEDUP_LENGTH = 255
_TEXTS = ("component", "group", "class")


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


def parse(body: bytes, routing_key: str) -> Event:
    """Return the event in *body*.

    Raises:
        InvalidEventError: it breaks the contract, or its key is not *routing_key*.
    """
    raw = read_event(body)
    trigger = raw.get("event_action") == "trigger"
    payload = raw.get("payload") or {}
    errors = [
        *routing_errors(raw.get("routing_key"), routing_key),
        *_action_errors(raw.get("event_action")),
        *_dedup_errors(raw.get("dedup_key"), required=raw.get("event_action") in _NEED_KEY),
    ]
    if trigger:
        errors += [*_payload_errors(payload), *context_errors(raw)]
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


def _triggering(event: Event, raw: Mapping[str, Any], payload: Mapping[str, Any]) -> Event:
    offered = list(offered_links(raw))
    details = payload.get("custom_details") or {}
    silence = silence_link(raw.get("client_url"), details)
    if silence is not None:
        offered.append(silence)
    return replace(
        event,
        summary=payload["summary"],
        source=payload["source"],
        severity=payload["severity"],
        service=payload.get("component") or payload["source"],
        occurred_at=seconds_of(payload),
        links=web_links(offered),
        remarks=left_out(offered),
        details=details,
    )


def _action_errors(value: Any) -> Iterable[str]:
    if is_blank(value):
        yield "'event_action' is missing or blank"
    elif value not in get_args(Action):
        yield "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"


def _dedup_errors(value: Any, *, required: bool) -> Iterable[str]:
    if is_blank(value):
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
    yield from summary_errors(payload)
    for name in ("source", "severity"):
        if is_blank(payload.get(name)):
            yield f"'payload.{name}' is missing or blank"
        elif not isinstance(payload[name], str):
            yield f"'payload.{name}' is invalid (must be a string)"
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
    yield from timestamp_errors(payload)
    yield from details_errors(payload)
