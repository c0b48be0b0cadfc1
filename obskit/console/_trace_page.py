"""One trace as a waterfall: who called whom, what took the time, and what was logged meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from nicegui import ui

from obskit.console._fields import PALETTE
from obskit.console._html import Html, join, link, show, tag
from obskit.console._loglines import lines_of, written
from obskit.console._shell import Page, frame, problem
from obskit.console._sources import SourceError, Sources
from obskit.console._units import unit
from obskit.console._window import Window

__all__ = ["Span", "critical", "spans_of", "trace_page"]

_MOST = 2_000
_SKEW_S, _SKEW = 0.002, 0.02
_ROOM_AT = 88.0
"""Percent of the width up to which a bar leaves room for its duration."""
_KINDS = {"SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"}


@dataclass(slots=True)
class Span:
    """One span, with times in seconds since the trace began."""

    id: str
    parent: str
    name: str
    service: str
    kind: str
    start: float
    end: float
    is_error: bool
    attributes: Mapping[str, Any]
    events: list[Mapping[str, Any]]
    depth: int = 0
    children: list["Span"] = field(default_factory=list)

    @property
    def is_asynchronous(self) -> bool:
        """Whether it belongs to a message, for which nobody waits."""
        return self.kind in _KINDS


def spans_of(trace: Mapping[str, Any]) -> tuple[float, list[Span]]:
    """Return when *trace*, as Tempo answers it, began, in Unix seconds, and its spans in the order of a waterfall."""
    raw = [
        (_attributes(batch.get("resource", {}).get("attributes", [])), span)
        for batch in trace.get("batches") or trace.get("resourceSpans") or []
        for scope in batch.get("scopeSpans", [])
        for span in scope.get("spans", [])
    ]
    if not raw:
        return 0.0, []
    begin = min(int(span["startTimeUnixNano"]) for _, span in raw)
    spans = [_span(resource, span, begin) for resource, span in raw]
    return begin / 1e9, _ordered(spans)


def _span(resource: Mapping[str, Any], span: Mapping[str, Any], begin: int) -> Span:
    code = span.get("status", {}).get("code", 0)
    return Span(
        span["spanId"],
        span.get("parentSpanId", ""),
        span["name"],
        str(resource.get("service.name", "")),
        str(span.get("kind", "")),
        (int(span["startTimeUnixNano"]) - begin) / 1e9,
        (int(span["endTimeUnixNano"]) - begin) / 1e9,
        code in {2, "STATUS_CODE_ERROR"},
        _attributes(span.get("attributes", [])),
        span.get("events", []),
    )


def _attributes(listed: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {item["key"]: _value(item.get("value", {})) for item in listed}


def _value(value: Mapping[str, Any]) -> Any:
    if "arrayValue" in value:
        return [_value(item) for item in value["arrayValue"].get("values", [])]
    return next(iter(value.values()), "")


def _ordered(spans: list[Span]) -> list[Span]:
    known = {span.id: span for span in spans}
    roots: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        parent = known.get(span.parent)
        (roots if parent is None or parent is span else parent.children).append(span)
    found: list[Span] = []
    waiting = [(root, 0) for root in reversed(roots)]
    while waiting:
        span, span.depth = waiting.pop()
        found.append(span)
        waiting += [(child, span.depth + 1) for child in reversed(span.children)]
    return found


def critical(spans: list[Span]) -> set[str]:
    """Return the ids of the spans that the caller waited for: shorten one of them and the answer comes sooner.

    From the end of the first span back: the child that ended last before what is looked at
    held it up; asynchronous children hold up nobody.
    """
    if not spans:
        return set()
    found: set[str] = set()
    waiting = [spans[0]]
    while waiting:
        span = waiting.pop()
        found.add(span.id)
        moment = span.end
        # Two processes end a call a moment apart, and the inner one is not always the first.
        slack = max(_SKEW_S, (span.end - span.start) * _SKEW)
        for child in sorted(span.children, key=lambda child: child.end, reverse=True):
            latest = moment + slack if moment == span.end else moment
            if child.end <= latest and not child.is_asynchronous:
                waiting.append(child)
                moment = child.start
    return found


async def trace_page(trace_id: str, page: Page, sources: Sources) -> None:
    """Show the trace *trace_id*."""
    with frame(f"Trace {trace_id[:8]}", page, has_times=False):
        try:
            answer = await sources.traces.get(f"/api/traces/{quote(trace_id, safe='')}")
        except SourceError as error:
            problem(
                str(error), "A trace shows a few seconds after it ended, and until its retention is over."
            )
            return
        begin, spans = spans_of(answer.get("trace", answer))
        if not spans:
            problem(f"No span of the trace {trace_id} is there.", "Traces are kept for their retention only.")
            return
        _head(trace_id, spans)
        window = Window(begin - 60, begin + max(span.end for span in spans) + 60)
        times = {"from": f"{window.start * 1000:.0f}", "to": f"{window.end * 1000:.0f}"}
        show(_waterfall(spans, times)).classes("panel")
        ui.label(
            "Full colour: what the caller waited for. Pale: ran beside it. Striped: a message, nobody waits."
        ).classes("faint").style("font-size: 12px; margin-top: 4px")
        await _logs(trace_id, window, page, sources)


def _head(trace_id: str, spans: list[Span]) -> None:
    whole = max(span.end for span in spans)
    services = sorted({span.service for span in spans})
    answered = spans[0].end - spans[0].start
    later = f", work behind it done after {unit('s').text(whole)}" if whole > answered * 1.001 else ""
    with ui.element("div").style("margin-bottom: 8px"):
        ui.label(f"{spans[0].service}: {spans[0].name}").style("font-size: 19px; font-weight: 650")
        ui.label(
            f"answered in {unit('s').text(answered)}{later} · {len(spans)} spans · {', '.join(services)}"
        ).classes("faint")
        ui.label(trace_id).classes("mono faint")


def _waterfall(spans: list[Span], times: Mapping[str, str]) -> Html:
    whole = max(span.end for span in spans) or 1e-9
    services = list(dict.fromkeys(span.service for span in spans))
    colours = {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(services)}
    path = critical(spans)
    rows = [
        _row(span, whole, colours[span.service], times, is_critical=span.id in path) for span in spans[:_MOST]
    ]
    more = f"{len(spans) - _MOST} more spans are not shown." if len(spans) > _MOST else None
    return tag("div", join(rows), tag("div", more, class_="empty") if more else None, class_="waterfall")


def _row(span: Span, whole: float, colour: str, times: Mapping[str, str], *, is_critical: bool) -> Html:
    left, width = span.start / whole * 100, max((span.end - span.start) / whole * 100, 0.15)
    kind = span.kind.removeprefix("SPAN_KIND_").lower()
    bar = tag(
        "span",
        tag("span", "", class_=f"wb {'crit' if is_critical else ''} {'async' if span.is_asynchronous else ''}",
            style=f"left:{left:.2f}%;width:{width:.2f}%;background:{colour}"),
        tag("span", unit("s").text(span.end - span.start), class_="wt", style=_label_place(left, width)),
        class_="wx",
    )  # fmt: skip
    name = tag(
        "span",
        tag("span", span.service, style=f"color:{colour};font-weight:650"),
        tag("span", f" {span.name} "),
        tag("span", kind, class_="faint"),
        tag("span", " error", class_="red") if span.is_error else None,
        class_="wn",
        style=f"padding-left:{min(span.depth, 20) * 14 + 6}px",
    )
    return tag("details", tag("summary", name, bar), _details(span, times), class_="span", data_key=span.id)


def _label_place(left: float, width: float) -> str:
    """Return where a bar's duration stands: right of it, else left of it, else inside it."""
    if left + width <= _ROOM_AT:
        return f"left:{left + width:.2f}%"
    if left > 100 - _ROOM_AT:
        return f"right:{100 - left:.2f}%;padding-right:5px"
    return f"left:{left:.2f}%;color:inherit;z-index:1"


def _details(span: Span, times: Mapping[str, str]) -> Html:
    rows = [
        tag("tr", tag("td", name, class_="faint"), tag("td", str(value), class_="mono"))
        for name, value in sorted(span.attributes.items())
    ]
    for event in span.events:
        inner = _attributes(event.get("attributes", []))
        text = str(inner.get("exception.stacktrace") or inner)
        rows.append(tag("tr", tag("td", event.get("name", ""), class_="red"), tag("td", tag("pre", text))))
    query = f'{{service_name=~".+"}} | span_id="{span.id}"'
    logs = link("Logs of this span", f"/logs?{urlencode({**times, 'query': query})}")
    return tag("div", tag("table", join(rows)), tag("div", logs, class_="onward"), class_="fields")


async def _logs(trace_id: str, window: Window, page: Page, sources: Sources) -> None:
    ui.label("Log lines of this trace").style("font-weight: 650; margin: 14px 0 6px")
    query = f'{{service_name=~".+"}} | trace_id="{trace_id}"'
    try:
        lines = await lines_of(sources, query, window, oldest_first=True)
    except SourceError as error:
        problem(str(error), error.fix)
        return
    content = written(lines, page) if lines else tag("div", "No line carries this trace id.", class_="empty")
    show(content).classes("panel")
