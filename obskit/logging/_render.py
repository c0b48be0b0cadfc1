"""Renders log lines to JSON: the fast way, and a careful one when something may be secret or odd."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from obskit._guard import guarded
from obskit.config import Settings
from obskit.logging._plain import plain_fields, shortened, text_of
from obskit.redaction import is_secret_key, may_hold_secret, redact_text

__all__ = ["LINE_BYTES", "Line", "Renderer", "is_clean"]

LINE_BYTES = 256_000
"""Loki refuses longer lines."""

Line = tuple[bytes, str, Mapping[str, Any]]
"""A line as JSON with its line feed, and the event and the fields that are on it."""

_KINDS = 1000
_SHORT = 200
"""Longer texts are no names of events: hardly any of them comes twice."""
# Lower case; digits and what may stand between the digits of a card number become zeros.
_CLASSES = bytes(48 if code in b"0123456789 .-" else code for code in bytes(range(256)).lower())
# Without one of these, and with no secret key, a text holds no secret that redact_text() knows.
# Addresses with a password have a colon, as "key: value" has.
_CARRIERS = ("=", "eyj", "bearer0", "private0key", "0" * 13)


class Renderer:
    """Makes the lines of one process; what all lines share is rendered once."""

    def __init__(self, settings: Settings) -> None:
        self.shared = {
            "service": text_of(settings.service),
            "environment": text_of(settings.environment),
            "version": text_of(settings.version),
        }
        self.clock = time.time_ns
        """Where stamps come from, in Unix nanoseconds; a test may hold it still."""
        self._kinds: dict[tuple[str, str, str], str] = {}
        self._second = (0, "")

    def timestamp(self) -> str:
        """Return the time now as RFC 3339 in UTC, always with microseconds."""
        second, micros = divmod(self.clock() // 1000, 1_000_000)
        known, text = self._second
        if known != second:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = (second, text)
        return f"{text}.{micros:06d}Z"

    def line(  # noqa: PLR0913, PLR0917 - the parts of a line, in their order
        self, stamp: str, level: str, event: str, logger: str, trace: str, fields: Mapping[str, Any]
    ) -> Line:
        """Return one line; never raises.

        Args:
            stamp: the time, as :meth:`timestamp` returns it.
            level: one of our levels.
            event: what happened.
            logger: the name of the logger.
            trace: the JSON of the ids, each with a comma before it.
            fields: the fields, without reserved names, of any type.
        """
        kind = self._kinds.get((level, event, logger)) or self._kind(level, event, logger)
        rest = b""
        if kind:
            try:
                rest = orjson.dumps(fields)
            except TypeError:
                kind = ""
            else:
                kind = kind if len(rest) < LINE_BYTES and is_clean(rest, fields) else ""
        if not kind:
            event, fields = _careful(event, fields)
            kind, rest = self.shared_json(level, event, logger), orjson.dumps(fields)
        head = f'{{"timestamp":"{stamp}"{kind}{trace}'.encode()
        return (b"%b,%b\n" % (head, rest[1:]) if fields else head + b"}\n"), event, fields

    def _kind(self, level: str, event: str, logger: str) -> str:
        """Return what all lines of one event share; "" where the event may have a secret in it."""
        try:
            event_json = orjson.dumps(event)
        except TypeError:  # text that UTF-8 cannot encode
            return ""
        if len(event_json) > LINE_BYTES // 2 or not is_clean(event_json, {}):
            return ""
        kind = self.shared_json(level, event, logger)
        if len(event) <= _SHORT:
            if len(self._kinds) >= _KINDS:
                self._kinds.clear()
            self._kinds[level, event, logger] = kind
        return kind

    def shared_json(self, level: str, event: str, logger: str) -> str:
        """Return the JSON between a line's time and its ids, with a comma before it."""
        shared = {"level": level, "event": event, **self.shared, "logger": text_of(logger)}
        return f",{orjson.dumps(shared).decode()[1:-1]}"


def is_clean(rendered: bytes, fields: Mapping[str, Any]) -> bool:
    """Tell whether *fields*, whose JSON *rendered* is, hold no secret for certain."""
    if _any_secret(tuple(fields)):
        return False
    text = rendered.translate(_CLASSES).decode("latin-1")
    # One colon a field: there is none in a value, and no object inside another.
    if text.count(":") == len(fields) and not any(map(text.__contains__, _CARRIERS)):
        return True
    return not may_hold_secret(rendered)


@lru_cache(maxsize=1024)
def _any_secret(keys: tuple[str, ...]) -> bool:
    """Tell whether one of the *keys* of a line names a secret; most lines have keys seen before."""
    return any(map(is_secret_key, keys))


def _careful(event: str, fields: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return *event* and *fields* without secrets, as plain JSON that fits on a line."""
    with guarded("log rendering"):
        event, plain = redact_text(text_of(event)), plain_fields(fields)
        if len(event) + len(orjson.dumps(plain)) < LINE_BYTES:
            return event, plain
        event, plain = shortened({"event": event})["event"], shortened(plain)
        if len(orjson.dumps(plain)) < LINE_BYTES:
            return event, plain
    return "log.unrenderable", {"lost_fields": [text_of(name)[:100] for name in list(fields)[:100]]}
