"""The evidence beside an incident: what was logged and which traces failed while it went on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from obskit.console._html import Html, join, link, tag
from obskit.console._loglines import Line, clock, level_class, lines_of, short
from obskit.console._shell import Page
from obskit.console._sources import Sources
from obskit.console._tracelist import found_traces, trace_rows
from obskit.console._window import Window

__all__ = ["Group", "failed_traces", "groups", "logged"]

_LINES = 1_000
_GROUPS = 12
_TRACES = 12
_SERIOUS = '{service_name=~".+", level=~"warning|error|critical"}'
_RANK = {"critical": 0, "error": 1}


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that say the same: the first of them, and how many there are."""

    first: Line
    count: int


def groups(lines: Sequence[Line]) -> list[Group]:
    """Return what *lines*, the oldest first, say: errors before warnings, then the frequent before the rare."""
    found: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        error = line.fields.get("exception")
        kind = str(error.get("type", "")) if isinstance(error, Mapping) else ""
        found.setdefault((line.level, line.service, line.event, kind), []).append(line)
    # A line with a trace leads on; one that was logged outside of a request does not.
    listed = [
        Group(next((one for one in some if one.trace_id), some[0]), len(some)) for some in found.values()
    ]
    return sorted(listed, key=lambda group: (_RANK.get(group.first.level, 2), -group.count))


async def logged(sources: Sources, window: Window, page: Page) -> Html:
    """Return the warnings and errors of *window*, those that say the same as one row.

    Raises:
        SourceError: the log store cannot be asked.
    """
    lines = await lines_of(sources, _SERIOUS, window, limit=_LINES, oldest_first=True)
    if not lines:
        return tag("div", "No warning and no error was logged. Look at the slow traces.", class_="empty")
    rows = [_row(group, window, page) for group in groups(lines)[:_GROUPS]]
    head = tag("tr", join([tag("th", name) for name in ("First", "Lines", "Level", "Service", "What", "")]))
    return tag("table", head, join(rows), class_="plain")


def _row(group: Group, window: Window, page: Page) -> Html:
    line = group.first
    times = {"from": f"{window.start * 1000:.0f}", "to": f"{window.end * 1000:.0f}"}
    query = f'{{service_name="{line.service}", level="{line.level}"}}'
    if line.fields.get("event"):
        query += f" | json | event={json.dumps(line.event, ensure_ascii=False)}"
    trace = link("trace", page.address(f"/trace/{line.trace_id}"), class_="more") if line.trace_id else None
    return tag(
        "tr",
        tag("td", clock(line.at / 1e9), class_="faint whole"),
        tag("td", str(group.count)),
        tag("td", line.level, class_=level_class(line)),
        tag("td", line.service, class_="whole"),
        tag("td", tag("b", line.event), " ", tag("span", short(line), class_="faint")),
        tag(
            "td",
            link("lines", f"/logs?{urlencode({**times, 'query': query})}"),
            trace,
            style="white-space: nowrap",
        ),
    )


async def failed_traces(sources: Sources, window: Window, page: Page) -> tuple[str, str, Html]:
    """Return a heading, the query and the rows of the failed traces of *window*; else of the slow ones.

    Raises:
        SourceError: the trace store cannot be asked.
    """
    for text, query in (
        ("Failed traces of that time", "{status=error}"),
        ("No trace failed; slow ones of that time", "{duration>500ms && kind=server}"),
    ):
        found = await found_traces(sources, query, window, _TRACES)
        if found:
            return text, query, trace_rows(found, page)
    nothing = tag("div", "No trace of that time failed or took longer than 500 ms.", class_="empty")
    return "Traces of that time", "{}", nothing
