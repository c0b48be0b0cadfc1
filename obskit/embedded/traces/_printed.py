"""Prints a trace as Tempo does."""

from obskit.embedded.traces._protobuf import nested, trace_bytes
from obskit.embedded.traces._reads import Row, Snapshot
from obskit.embedded.traces.traceql import Span

__all__ = ["printed_batches", "trace_json", "trace_message"]


def printed_batches(snapshot: Snapshot, row: Row) -> bytes:
    """Return the batches of a trace as a JSON list: the spans of one resource together, earliest first."""
    batches: dict[int, dict[int, list[Span]]] = {}
    trace = snapshot.trace(row)
    for span in trace.spans:
        batches.setdefault(id(span.resource), {}).setdefault(id(span.scope), []).append(span)
    return b"[" + b",".join(_batch(groups) for groups in batches.values()) + b"]"


def trace_json(batches: bytes | None, *, version: int) -> bytes:
    """Return the answer for a trace; version 1 calls its batches so, version 2 resourceSpans."""
    if version == 1:
        return b'{"batches":' + (batches or b"[]") + b"}"
    return b'{"trace":{' + (b'"resourceSpans":' + batches if batches else b"") + b"}}"


def trace_message(batches: bytes | None, *, version: int) -> bytes:
    """Return the same as protobuf: a Trace, or in version 2 a TraceByIDResponse."""
    content = trace_bytes(b'{"resourceSpans":' + (batches or b"[]") + b"}")
    return content if version == 1 else nested(1, content)


def _batch(groups: dict[int, list[Span]]) -> bytes:
    first = next(iter(next(iter(groups.values()))))
    scopes = b",".join(_group(spans) for spans in groups.values())
    return b'{"resource":' + first.resource.body + b',"scopeSpans":[' + scopes + b"]}"


def _group(spans: list[Span]) -> bytes:
    return b'{"scope":' + spans[0].scope.body + b',"spans":[' + b",".join(span.body for span in spans) + b"]}"
