"""Answers a search: by TraceQL, or by tags and durations as Tempo did before it."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from obskit.embedded.traces._errors import RequestError
from obskit.embedded.traces._params import SearchParams
from obskit.embedded.traces._reads import Row, Snapshot
from obskit.embedded.traces._tagged import tagged
from obskit.embedded.traces.traceql import Match, Pipeline, Query, Trace, any_value, candidates

__all__ = ["search"]

_MS = 1_000_000
_ERROR = 2
_MAX_ANSWER = 32 << 20
_NO_ROOT = "<root span not yet received>"


def search(snapshot: Snapshot, params: SearchParams, pipeline: Pipeline | None) -> bytes:
    """Return the answer to *params*, whose query has been read as *pipeline*.

    Raises:
        RequestError: it took too long, or the answer would be too large.
        QueryError: a value of a span has a type that the query cannot take.
    """
    found = _tagged(snapshot, params) if pipeline is None else _queried(snapshot, params, pipeline)
    traces: list[bytes] = []
    size = 0
    for trace in found:
        traces.append(trace)
        size += len(trace)
        if size > _MAX_ANSWER:
            msg = f"the answer is larger than {_MAX_ANSWER >> 20} MB; lower limit or spss"
            raise RequestError(msg)
        if len(traces) >= params.limit:
            break
    return b'{"traces":[' + b",".join(traces) + b'],"metrics":{"completedJobs":1,"totalJobs":1}}'


def _tagged(snapshot: Snapshot, params: SearchParams) -> Iterator[bytes]:
    for row in tagged(snapshot, params):
        yield orjson.dumps(_head(row))


def _queried(snapshot: Snapshot, params: SearchParams, pipeline: Pipeline) -> Iterator[bytes]:
    query = Query(pipeline, snapshot.check)
    for row in snapshot.traces(params.window, candidates(pipeline)):
        snapshot.check()
        trace = snapshot.trace(row)
        match = query.match(trace)
        if match is not None:
            yield orjson.dumps(_result(row, trace, match, query, params.spans))


def _head(row: Row) -> dict[str, Any]:
    _, trace_id, start, end, service, name = row
    head: dict[str, Any] = {
        "traceID": trace_id.hex().lstrip("0"),
        "rootServiceName": service or _NO_ROOT,
    }
    if name:
        head["rootTraceName"] = name
    if start:
        head["startTimeUnixNano"] = str(start)
    if duration := max(end - start, 0) // _MS:
        head["durationMs"] = duration
    return head


def _result(row: Row, trace: Trace, match: Match, query: Query, shown: int) -> dict[str, Any]:
    spans = [_span(*query.shown(visible, trace), visible.span) for visible in match.spans[:shown]]
    found: dict[str, Any] = {"spans": spans, "matched": len(match.spans)}
    if match.aggregates:
        found["attributes"] = [{"key": name, "value": any_value(value)} for name, value in match.aggregates]
    return {**_head(row), "spanSet": found, "spanSets": [found], "serviceStats": _services(trace)}


def _span(name: str | None, attributes: Iterable[tuple[str, Any]], span: Any) -> dict[str, Any]:
    printed: dict[str, Any] = {"spanID": span.span_id.hex()}
    if name:
        printed["name"] = name
    if span.start_ns:
        printed["startTimeUnixNano"] = str(span.start_ns)
    if span.duration_ns:
        printed["durationNanos"] = str(span.duration_ns)
    listed = [{"key": key, "value": any_value(static)} for key, static in attributes]
    if listed:
        printed["attributes"] = listed
    return printed


def _services(trace: Trace) -> dict[str, dict[str, int]]:
    services: dict[str, dict[str, int]] = {}
    for span in trace.spans:
        value = span.resource.attributes.get("service.name", {})
        counts = services.setdefault(str(value.get("stringValue", "")), {"spanCount": 0})
        counts["spanCount"] += 1
        if span.status == _ERROR:
            counts["errorCount"] = counts.get("errorCount", 0) + 1
    return services
