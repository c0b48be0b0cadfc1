"""Ids of the current trace, and of requests."""

import os
import re
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.trace import SpanContext

__all__ = ["SPAN_KEY", "current_ids", "ids_of", "new_request_id", "valid_request_id"]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


(SPAN_KEY,) = trace.set_span_in_context(trace.INVALID_SPAN, Context())
"""Under which a context keeps its span."""
_KEPT = "_obskit_ids"
_UNMADE = object()


def current_ids() -> tuple[str, str] | None:
    """Return ``(trace_id, span_id)`` in hex of the current span, or None outside any trace."""
    # The short way to what trace.get_current_span() finds, and the hex is kept on the span:
    # each log line asks, and most spans are asked more than once.
    span: Any = get_current().get(SPAN_KEY)
    return None if span is None else ids_of(span)


def ids_of(span: Any) -> tuple[str, str] | None:
    """Return ``(trace_id, span_id)`` in hex of *span*, or None where it has none."""
    ids: Any = getattr(span, _KEPT, _UNMADE)
    return _make_ids(span) if ids is _UNMADE else ids


def _make_ids(span: Any) -> tuple[str, str] | None:
    context: SpanContext = span.get_span_context()
    ids = (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.trace_id else None
    try:
        setattr(span, _KEPT, ids)
    except AttributeError:  # a span of another library may have slots
        return ids
    return ids


def new_request_id() -> str:
    """Return a fresh request id: 32 hex digits."""
    return os.urandom(16).hex()


def valid_request_id(value: str) -> bool:
    """Tell whether a caller's ``X-Request-ID`` is safe to log and to echo (1 to 128 visible characters)."""
    return _REQUEST_ID.fullmatch(value) is not None
