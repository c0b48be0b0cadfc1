"""Shows one log line to a person."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

__all__ = ["as_text"]

_SHOWN_ELSEWHERE = frozenset(
    {"timestamp", "level", "event", "service", "environment", "version", "logger", "span_id", "request_id"}
)


def as_text(when_ns: int, labels: Mapping[str, str], line: str) -> str:
    """Return time, level, service, event and fields of a JSON line; another line as it is."""
    clock = datetime.fromtimestamp(when_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3]
    try:
        fields = orjson.loads(line)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return f"{clock}  {labels.get('level', '-'):<8} {labels.get('service_name', '-'):<10} {line}"
    rest = [f"{name}={_short(value)}" for name, value in fields.items() if name not in _SHOWN_ELSEWHERE]
    level, service = str(fields.get("level", "-")), str(fields.get("service", "-"))
    return f"{clock}  {level:<8} {service:<10} {fields.get('event', '')}  {' '.join(rest)}".rstrip()


def _short(value: object) -> str:
    """Return a value on one line: an exception by its type and message, for the rest is in the JSON."""
    if isinstance(value, dict) and "type" in value and "message" in value:
        return f"{value['type']}({value['message']})"
    return value if isinstance(value, str) else orjson.dumps(value).decode()
