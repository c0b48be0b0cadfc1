"""Traces that a search found, one a row."""

from collections.abc import Mapping, Sequence
from typing import Any

from obskit.console._ask import Question
from obskit.console._html import Html, join, link, tag
from obskit.console._loglines import clock
from obskit.console._shell import Page
from obskit.console._sources import Sources
from obskit.console._units import unit
from obskit.console._window import Window

__all__ = ["found_traces", "trace_list", "trace_rows"]


async def found_traces(
    sources: Sources, query: str, window: Window, limit: int = 50
) -> list[Mapping[str, Any]]:
    """Return the traces that the TraceQL *query* finds, the newest first.

    Raises:
        SourceError: the trace store cannot be reached or refuses the query.
    """
    params = (
        ("q", query or "{}"),
        ("start", f"{window.start:.0f}"),
        ("end", f"{window.end + 1:.0f}"),
        ("limit", str(limit)),
    )
    answer = await sources.traces.get("/api/search", params)
    traces: list[Mapping[str, Any]] = answer.get("traces") or []
    return sorted(traces, key=lambda trace: int(trace["startTimeUnixNano"]), reverse=True)


async def trace_list(sources: Sources, page: Page, query: str, asked: Question) -> Html:
    """Return the newest traces of *query* for a panel.

    Raises:
        SourceError: the trace store cannot be reached or refuses the query.
    """
    found = await found_traces(sources, query, asked.window, 20)
    return trace_rows(found, page) if found else tag("div", "no traces in this time range", class_="empty")


def trace_rows(traces: Sequence[Mapping[str, Any]], page: Page) -> Html:
    """Return *traces* as a table whose rows lead to their waterfalls."""
    longest = max((float(trace.get("durationMs", 0)) for trace in traces), default=0) or 1.0
    rows = [_row(trace, page, longest) for trace in traces]
    head = tag("tr", join([tag("th", name) for name in ("Start", "Service", "Name", "Duration", "")]))
    return tag("table", head, join(rows), class_="plain")


def _root(trace: Mapping[str, Any]) -> tuple[str, str]:
    """Return service and name of the first span; while that is not there, what is known of the others."""
    service, name = str(trace.get("rootServiceName") or ""), str(trace.get("rootTraceName") or "")
    if name and not service.startswith("<"):
        return service, name
    sets = trace.get("spanSets") or [trace.get("spanSet") or {}]
    names = [str(span["name"]) for each in sets for span in each.get("spans") or [] if span.get("name")]
    services = sorted(trace.get("serviceStats") or {})
    first = names[0] if names else f"trace {str(trace['traceID'])[:8]}"
    return ", ".join(services) or "?", f"{first} (its first span has not come yet)"


def _row(trace: Mapping[str, Any], page: Page, longest: float) -> Html:
    duration = float(trace.get("durationMs", 0))
    width = f"width: {duration / longest * 100:.1f}%"
    service, name = _root(trace)
    return tag(
        "tr",
        tag("td", clock(int(trace["startTimeUnixNano"]) / 1e9), class_="faint"),
        tag("td", service),
        tag("td", link(name, page.address(f"/trace/{trace['traceID']}"))),
        tag("td", unit("ms").text(duration) if duration else "below 1 ms"),
        tag("td", tag("div", "", class_="gauge", style=width), style="width: 30%"),
    )
