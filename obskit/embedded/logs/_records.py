"""Makes an entry of a line that was read from a log file."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from obskit.embedded.logs._store import Entry, labels_text

__all__ = ["Records", "timestamp_ns"]

_SECOND = 1_000_000_000
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):?(\d\d))?"
)
_OURS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z")
"""As obskit writes it: many lines share a second, which is read once."""
_UNKNOWN = "unknown"
_MOST_LABEL = 1_024
_LEAST, _MOST = -(2**63), 2**63 - 1


def timestamp_ns(text: Any) -> int | None:
    """Return an RFC 3339 time in nanoseconds since 1970, or None where *text* is none.

    A time without a zone is UTC.
    """
    if not isinstance(text, str):
        return None
    plain = _OURS.fullmatch(text)
    if plain is not None and (second := _second(plain[1])) is not None:
        return second * _SECOND + int(plain[2]) * 1_000
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    *parts, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[arg-type, misc]  # six numbers
    except ValueError:
        return None
    ts = int(moment.timestamp()) * _SECOND + int((fraction or "0").ljust(9, "0"))
    if sign:
        offset = (int(hours) * 60 + int(minutes)) * 60 * _SECOND
        ts += -offset if sign == "+" else offset
    return ts if _LEAST <= ts <= _MOST else None


@lru_cache(maxsize=1024)
def _second(text: str) -> int | None:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


class Records:
    """Reads the lines of one file, whose name says the service where a line does not."""

    def __init__(self, path: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._service = path.name.partition(".")[0] or _UNKNOWN
        self._clock_ns = clock_ns
        self._labels: dict[tuple[str, str, str], str] = {}

    def read(self, raw: bytes) -> tuple[str, Entry]:
        """Return the stream's labels, as text, and the entry of one line without its newline."""
        text = raw.decode("utf-8", "replace")
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            return self._stream(self._service, _UNKNOWN, _UNKNOWN), (self._clock_ns(), text, None)
        labels = self._stream(
            _label(found.get("service"), self._service),
            _label(found.get("environment"), _UNKNOWN),
            _label(found.get("level"), _UNKNOWN),
        )
        ts = timestamp_ns(found.get("timestamp"))
        return labels, (self._clock_ns() if ts is None else ts, text, _metadata(found))

    def _stream(self, *key: str) -> str:
        service, environment, level = key
        text = self._labels.get((service, environment, level))
        if text is None:
            if len(self._labels) > _MOST_LABEL:  # a file whose labels never repeat
                self._labels.clear()
            text = labels_text({"service_name": service, "environment": environment, "level": level})
            self._labels[service, environment, level] = text
        return text


def _label(value: Any, otherwise: str) -> str:
    return value[:_MOST_LABEL] if isinstance(value, str) and value else otherwise


def _metadata(found: dict[str, Any]) -> str | None:
    kept = {
        name: value for name in ("trace_id", "span_id") if isinstance(value := found.get(name), str) and value
    }
    return orjson.dumps(kept).decode() if kept else None
