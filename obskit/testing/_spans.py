"""Captured spans."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from obskit.testing._matching import exactly_one, matching, shown

__all__ = ["CapturedSpan", "CapturedSpans"]


@dataclass(frozen=True, slots=True)
class CapturedSpan:
    """One ended span.

    ``kind`` is INTERNAL, SERVER, CLIENT, PRODUCER or CONSUMER, ``status`` is UNSET, OK or
    ERROR; ids are hex as in log lines; times are Unix nanoseconds.
    """

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str | None
    attributes: Mapping[str, Any]
    status: str
    status_description: str | None
    events: tuple[str, ...]
    start_ns: int
    end_ns: int
    scope: str
    """Name of the library that made the span."""
    raw: ReadableSpan

    @classmethod
    def of(cls, span: ReadableSpan) -> "CapturedSpan":
        """Read one span of the SDK."""
        return cls(
            name=span.name,
            kind=span.kind.name,
            trace_id=f"{span.context.trace_id:032x}",
            span_id=f"{span.context.span_id:016x}",
            parent_id=None if span.parent is None else f"{span.parent.span_id:016x}",
            attributes=dict(span.attributes or {}),
            status=span.status.status_code.name,
            status_description=span.status.description,
            events=tuple(event.name for event in span.events),
            start_ns=span.start_time or 0,
            end_ns=span.end_time or 0,
            scope=span.instrumentation_scope.name if span.instrumentation_scope else "",
            raw=span,
        )


class CapturedSpans:
    """The spans that ended since the capture began, first ended first."""

    def __init__(self) -> None:
        self._spans: list[CapturedSpan] = []

    def one(
        self, name: str | None = None, *, kind: str | SpanKind | None = None, **attributes: Any
    ) -> CapturedSpan:
        """Return the one span of this name, kind and attributes.

        Attributes with a dot in their name go in as ``**{"http.route": "/orders"}``.

        Raises:
            AssertionError: no span is like that, or several are; the text lists what ended.
        """
        __tracebackhide__ = True
        return exactly_one(
            self._spans, _wanted(name, kind, attributes), _field, what="span", describe=_described
        )

    def all(
        self, name: str | None = None, *, kind: str | SpanKind | None = None, **attributes: Any
    ) -> tuple[CapturedSpan, ...]:
        """Return every span of this name, kind and attributes; without any, every span."""
        return matching(self._spans, _wanted(name, kind, attributes), _field)

    def add(self, span: ReadableSpan) -> None:
        """Keep one span; the tracer provider calls this."""
        self._spans.append(CapturedSpan.of(span))

    def clear(self) -> None:
        """Forget what was captured so far."""
        self._spans.clear()

    def __iter__(self) -> Iterator[CapturedSpan]:
        return iter(tuple(self._spans))

    def __len__(self) -> int:
        return len(self._spans)


def _wanted(name: str | None, kind: str | SpanKind | None, attributes: Mapping[str, Any]) -> dict[str, Any]:
    wanted: dict[str, Any] = {} if name is None else {"name": name}
    if kind is not None:
        wanted["kind"] = kind.name if isinstance(kind, SpanKind) else kind.upper()
    return wanted | dict(attributes)


def _field(span: CapturedSpan, name: str) -> Any:
    return getattr(span, name) if name in {"name", "kind"} else span.attributes[name]


def _described(span: CapturedSpan) -> str:
    attributes = " ".join(f"{name}={shown(value)}" for name, value in span.attributes.items())
    status = f" {span.status}" if span.status != "UNSET" else ""
    return f"{span.kind:<8} {span.name}{status}  (by {span.scope or 'nobody'})  {attributes}".rstrip()
