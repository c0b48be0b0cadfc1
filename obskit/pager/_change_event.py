"""Reads change events of PagerDuty's Change Events API v2."""

from collections.abc import Iterable
from typing import Any

from obskit.pager._change_log import ChangeEvent
from obskit.pager._errors import InvalidEventError
from obskit.pager._event_fields import (
    context_errors,
    details_errors,
    offered_links,
    read_event,
    routing_errors,
    seconds_of,
    summary_errors,
    timestamp_errors,
    web_links,
)
from obskit.pager._text import one_line

__all__ = ["parse_change"]


def parse_change(body: bytes, routing_key: str, now: float) -> ChangeEvent:
    """Return the change event in *body*; one without a time is from *now*.

    Raises:
        InvalidEventError: it breaks the contract, or its key is not *routing_key*.
    """
    raw = read_event(body)
    payload = raw.get("payload") or {}
    errors = [
        *routing_errors(raw.get("routing_key"), routing_key),
        *_payload_errors(payload),
        *context_errors(raw),
    ]
    if errors:
        raise InvalidEventError(errors)
    at = seconds_of(payload)
    return ChangeEvent(
        at=now if at is None else at,
        summary=one_line(payload["summary"], 1024),
        source=one_line(payload.get("source") or "", 200),
        links=web_links(offered_links(raw)),
        details=payload.get("custom_details") or {},
    )


def _payload_errors(payload: Any) -> Iterable[str]:
    if not isinstance(payload, dict):
        yield "'payload' is invalid (must be an object)"
        return
    yield from summary_errors(payload)
    if not isinstance(payload.get("source"), str | None):
        yield "'payload.source' is invalid (must be a string)"
    yield from timestamp_errors(payload)
    yield from details_errors(payload)
