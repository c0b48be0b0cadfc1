"""The human-readable form of a line, for a terminal."""

import re
from typing import Any

import orjson
from structlog.dev import ConsoleRenderer

from obskit._guard import guarded

__all__ = ["Console"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HIDDEN = ("service", "environment", "version", "span_id")
_TIME = slice(11, 23)


class Console:
    """Shows lines as ``12:00:00.123 [info] order.created order_id=o-1``, with colours where they are wanted."""

    def __init__(self, *, colors: bool) -> None:
        self._render = ConsoleRenderer(colors=colors, pad_event_to=24, timestamp_key="timestamp")

    def render(self, line: bytes) -> bytes:
        """Return the JSON *line* for people; control characters of users cannot reach the terminal."""
        with guarded("console rendering"):
            shown = _printable(orjson.loads(line))
            exception = shown.pop("exception", None)
            if exception is not None:
                shown["exception"] = _stacktraces(exception)
            return f"{self._render(None, shown['level'], shown)}\n".encode()
        return line


def _printable(record: dict[str, Any]) -> dict[str, Any]:
    shown = {name: _escaped(value) for name, value in record.items() if name not in _HIDDEN}
    return {**shown, "timestamp": shown["timestamp"][_TIME]}


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", value)
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return value


def _stacktraces(exception: dict[str, Any]) -> str:
    own = str(exception["stacktrace"]).rstrip()
    cause = exception.get("cause")
    return own if cause is None else f"{_stacktraces(cause)}\n\nwhich led to:\n\n{own}"
