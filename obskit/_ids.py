"""Ids of the current trace, and of requests."""

import os
import re

from opentelemetry import trace
from opentelemetry.trace import SpanContext

__all__ = ["current_ids", "new_request_id", "valid_request_id"]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def current_ids() -> tuple[str, str] | None:
    """Return ``(trace_id, span_id)`` in hex of the current span, or None outside any trace."""
    context: SpanContext = trace.get_current_span().get_span_context()
    if not context.trace_id:
        return None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def new_request_id() -> str:
    """Return a fresh request id: 32 hex digits."""
    return os.urandom(16).hex()


def valid_request_id(value: str) -> bool:
    """Tell whether a caller's ``X-Request-ID`` is safe to log and to echo (1 to 128 visible characters)."""
    return _REQUEST_ID.fullmatch(value) is not None
