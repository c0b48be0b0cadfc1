"""Reads OTLP log requests, protobuf or JSON, into lines as Loki stores them."""

import base64
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from obskit.embedded.logs._errors import PushError
from obskit.embedded.logs._labels import check_labels
from obskit.embedded.logs._push import Pushed, metadata_text
from obskit.embedded.logs._store import labels_text

__all__ = ["read_otlp"]

_NAME = re.compile(r"[^a-zA-Z0-9_]")
_UNKNOWN = "unknown"
_SERVICE = "service.name"
_ENVIRONMENTS = ("deployment.environment.name", "deployment.environment")
_LEVELS = ((21, "critical"), (17, "error"), (13, "warning"), (9, "info"), (1, "debug"))
_WORDS = {"warn": "warning", "fatal": "critical", "trace": "debug", "information": "info"}
_MOST = 2**63 - 1


def read_otlp(body: bytes, *, is_json: bool, clock_ns: Callable[[], int] = time.time_ns) -> Pushed:
    """Return the lines of an export request.

    Stream labels are the service, its environment and the level; the other attributes and
    the ids of the trace are structured metadata.

    Raises:
        PushError: it is no export request.
    """
    try:
        resources = _json_resources(body) if is_json else _protobuf_resources(body)
        pushed = Pushed()
        for resource in resources:
            _read_resource(resource, pushed, clock_ns)
    except (DecodeError, orjson.JSONDecodeError, TypeError, ValueError, AttributeError) as error:
        msg = f"couldn't parse OTLP logs: {error}"
        raise PushError(msg) from error
    return pushed


def _json_resources(body: bytes) -> list[dict[str, Any]]:
    found = orjson.loads(body)
    resources = found.get("resourceLogs", [])
    if not isinstance(resources, list):
        msg = "resourceLogs is not a list"
        raise TypeError(msg)
    return resources


def _protobuf_resources(body: bytes) -> Iterable[dict[str, Any]]:
    request = ExportLogsServiceRequest()
    request.ParseFromString(body)
    for resource in request.resource_logs:
        yield {
            "resource": {"attributes": _pairs(resource.resource.attributes)},
            "scopeLogs": [
                {
                    "scope": {"name": scope.scope.name},
                    "logRecords": [_record(each) for each in scope.log_records],
                }
                for scope in resource.scope_logs
            ],
        }


def _record(record: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": record.time_unix_nano,
        "observedTimeUnixNano": record.observed_time_unix_nano,
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": _value(record.body) if record.HasField("body") else {},
        "attributes": _pairs(record.attributes),
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex(),
    }


def _pairs(attributes: Any) -> list[dict[str, Any]]:
    return [{"key": pair.key, "value": _value(pair.value)} for pair in attributes]


def _value(value: Any) -> dict[str, Any]:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return {"arrayValue": {"values": [_value(each) for each in value.array_value.values]}}
    if kind == "kvlist_value":
        return {"kvlistValue": {"values": _pairs(value.kvlist_value.values)}}
    if kind == "bytes_value":
        return {"bytesValue": base64.b64encode(value.bytes_value).decode()}
    return {} if kind is None else {kind.removesuffix("_value") + "Value": getattr(value, kind)}


def _plain(value: Mapping[str, Any] | None, depth: int = 0) -> Any:
    """Return what an OTLP value is in JSON."""
    if depth > 32:  # noqa: PLR2004 - deeper than any log
        msg = "values are nested too deep"
        raise ValueError(msg)
    for kind, content in (value or {}).items():
        if kind == "arrayValue":
            return [_plain(each, depth + 1) for each in content.get("values", [])]
        if kind == "kvlistValue":
            return {pair["key"]: _plain(pair.get("value"), depth + 1) for pair in content.get("values", [])}
        if kind == "intValue":
            return int(content)
        return content
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _attributes(pairs: Any) -> dict[str, str]:
    return {str(pair["key"]): _text(_plain(pair.get("value"))) for pair in pairs or []}


def _read_resource(resource: Mapping[str, Any], pushed: Pushed, clock_ns: Callable[[], int]) -> None:
    attributes = _attributes(resource.get("resource", {}).get("attributes"))
    service = attributes.pop(_SERVICE, "") or _UNKNOWN + "_service"
    found = [attributes.pop(name, "") for name in _ENVIRONMENTS]
    environment = next(filter(None, found), _UNKNOWN)
    for scope in resource.get("scopeLogs", []):
        name = scope.get("scope", {}).get("name", "")
        shared = {**attributes, **({"scope_name": name} if name else {})}
        for record in scope.get("logRecords", []):
            labels = {"service_name": service, "environment": environment, "level": _level(record)}
            try:
                check_labels(labels)
            except PushError as error:
                pushed.problem = error
                continue
            entry = (_time(record, clock_ns), _text(_plain(record.get("body"))), _metadata(record, shared))
            pushed.streams.setdefault(labels_text(labels), []).append(entry)


def _level(record: Mapping[str, Any]) -> str:
    text = str(record.get("severityText") or "").lower()
    if text:
        return _WORDS.get(text, text)[:100]
    number = int(record.get("severityNumber") or 0)
    return next((level for least, level in _LEVELS if number >= least), _UNKNOWN)


def _time(record: Mapping[str, Any], clock_ns: Callable[[], int]) -> int:
    ts = int(record.get("timeUnixNano") or 0) or int(record.get("observedTimeUnixNano") or 0) or clock_ns()
    if ts > _MOST:
        msg = f"timeUnixNano {ts} is out of range"
        raise ValueError(msg)
    return ts


def _metadata(record: Mapping[str, Any], shared: Mapping[str, str]) -> str | None:
    found = {**shared, **_attributes(record.get("attributes"))}
    for name, key in (("trace_id", "traceId"), ("span_id", "spanId")):
        if record.get(key):
            found[name] = str(record[key])
    if record.get("severityNumber"):
        found["severity_number"] = str(int(record["severityNumber"]))
    return metadata_text({_label(name): value for name, value in found.items() if value})


def _label(name: str) -> str:
    label = _NAME.sub("_", name)
    return f"_{label}" if label[:1].isdigit() else label
