"""Shows a trace as a waterfall in the terminal."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Span", "read_spans", "waterfall"]

_WIDTH = 40
_ASYNC = {"SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"}
_FAILED = "STATUS_CODE_ERROR"


@dataclass(frozen=True, slots=True)
class Span:
    """One span of a trace, as the trace store gives it; times in Unix nanoseconds."""

    id: str
    parent: str
    service: str
    name: str
    kind: str
    start: int
    end: int
    failed: bool


def read_spans(answer: Any) -> list[Span]:
    """Return the spans in a trace store's answer, in order of their start."""
    trace = answer.get("trace", answer)
    return sorted(_spans(trace), key=lambda span: (span.start, -span.end))


def _spans(trace: Any) -> Iterator[Span]:
    for batch in trace.get("batches", trace.get("resourceSpans", [])):
        service = _service(batch["resource"])
        for scope in batch.get("scopeSpans", []):
            for raw in scope["spans"]:
                yield Span(
                    id=raw["spanId"],
                    parent=raw.get("parentSpanId", ""),
                    service=service,
                    name=raw["name"],
                    kind=raw.get("kind", ""),
                    start=int(raw["startTimeUnixNano"]),
                    end=int(raw["endTimeUnixNano"]),
                    failed=raw.get("status", {}).get("code") == _FAILED,
                )


def _service(resource: Any) -> str:
    for attribute in resource.get("attributes", []):
        if attribute["key"] == "service.name":
            return str(attribute["value"]["stringValue"])
    return "-"


def waterfall(spans: list[Span]) -> list[str]:
    """Return a line a span: its time on a common scale, its place in the tree, what it is.

    A bar of ``~`` is work behind a message, which nobody waited for; ``!`` marks a failure.
    """
    began, ended = min(span.start for span in spans), max(span.end for span in spans)
    scale = _WIDTH / max(1, ended - began)
    lines = []
    for span, depth in _tree(spans):
        left = min(_WIDTH - 1, int((span.start - began) * scale))
        length = max(1, min(_WIDTH - left, round((span.end - span.start) * scale)))
        bar = " " * left + ("~" if span.kind in _ASYNC else "=") * length
        mark = "!" if span.failed else " "
        took = f"{(span.end - span.start) / 1e6:9.1f} ms"
        lines.append(f"{took} {mark}|{bar:<{_WIDTH}}| {'  ' * depth}{span.service}: {span.name}")
    return lines


def _tree(spans: list[Span]) -> Iterator[tuple[Span, int]]:
    """Yield each span with its depth, parents first; a span whose parent is missing is a root."""
    known = {span.id for span in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent if span.parent in known else ""].append(span)
    waiting = [(span, 0) for span in reversed(children[""])]
    while waiting:
        span, depth = waiting.pop()
        yield span, depth
        waiting += [(child, depth + 1) for child in reversed(children[span.id])]
