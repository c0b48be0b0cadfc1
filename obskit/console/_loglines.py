"""Log lines as people read them: time, level, service, event and fields, and the way to the trace."""

import datetime as dt
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from obskit.console._ask import Question
from obskit.console._html import Html, join, link, tag
from obskit.console._shell import Page
from obskit.console._sources import Sources
from obskit.console._window import Window

__all__ = ["Line", "clock", "level_class", "line_of", "lines_of", "log_lines", "short", "written"]

_HEAD = frozenset(
    {"timestamp", "level", "event", "service", "environment", "version", "logger", "trace_id", "span_id"}
)
_LEVELS = {"error": "red", "critical": "red", "warning": "yellow", "warn": "yellow", "debug": "faint"}

_LABEL = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_LONG = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One log line: Unix nanoseconds, its labels, its text and what that says as JSON."""

    at: int
    labels: Mapping[str, str]
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trace_id(self) -> str:
        """The trace that it belongs to, or nothing."""
        return str(self.fields.get("trace_id") or self.labels.get("trace_id") or "")

    @property
    def level(self) -> str:
        """Its level."""
        return str(
            self.fields.get("level") or self.labels.get("level") or self.labels.get("detected_level", "")
        )

    @property
    def service(self) -> str:
        """Who wrote it."""
        return str(self.fields.get("service") or self.labels.get("service_name", ""))

    @property
    def event(self) -> str:
        """What happened: the event, or the whole text of a line that is no JSON."""
        return str(self.fields.get("event", "")) or self.text


def line_of(labels: Mapping[str, str], at: str, text: str) -> Line:
    """Return a line as the log store answered it."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = {}
    return Line(int(at), labels, text, fields if isinstance(fields, dict) else {})


async def lines_of(
    sources: Sources, query: str, window: Window, *, limit: int = 200, oldest_first: bool = False
) -> list[Line]:
    """Return the lines that *query* finds, the newest first or the oldest.

    Raises:
        SourceError: the log store cannot be reached or refuses the query.
    """
    params = (
        ("query", query),
        ("start", f"{window.start * 1e9:.0f}"),
        ("end", f"{window.end * 1e9:.0f}"),
        ("limit", str(limit)),
        ("direction", "forward" if oldest_first else "backward"),
    )
    answer = await sources.logs.get("/loki/api/v1/query_range", params)
    found = [
        line_of(item["stream"], value[0], value[1])
        for item in answer["data"]["result"]
        if "stream" in item
        for value in item["values"]
    ]
    return sorted(found, key=lambda line: line.at, reverse=not oldest_first)[:limit]


async def log_lines(sources: Sources, page: Page, query: str, asked: Question) -> Html:
    """Return the newest lines of *query* for a panel.

    Raises:
        SourceError: the log store cannot be reached or refuses the query.
    """
    found = await lines_of(sources, query, asked.window, limit=100)
    return written(found, page) if found else tag("div", "no lines in this time range", class_="empty")


def written(lines: Sequence[Line], page: Page, at: str = "") -> Html:
    """Return *lines* as HTML; a click opens a line's fields. The line of the nanosecond *at* stands out."""
    return tag("div", join([_line(line, page, is_here=str(line.at) == at) for line in lines]), class_="lines")


def _line(line: Line, page: Page, *, is_here: bool) -> Html:
    level = tag("span", line.level, class_=f"lv {level_class(line)}")
    summary = tag(
        "summary",
        tag("span", clock(line.at / 1e9), class_="faint at"),
        level,
        tag("span", line.service, class_="svc"),
        tag("span", line.event, class_="ev"),
        tag("span", short(line), class_="faint rest"),
        link("trace", page.address(f"/trace/{line.trace_id}"), class_="tr") if line.trace_id else None,
    )
    return tag(
        "details",
        summary,
        _fields(line, page),
        class_=f"line {'here' if is_here else ''}",
        data_key=_key(line),
    )


def _key(line: Line) -> str:
    return f"{line.at}-{zlib.crc32(line.text.encode()):x}"


def level_class(line: Line) -> str:
    """Return the class of the colour of the level of *line*."""
    return _LEVELS.get(line.level, "blue")


def short(line: Line) -> str:
    """Return the fields of *line* that tell something, its exception first."""
    shown = [
        f"{name}={_value(value)}"
        for name, value in line.fields.items()
        if name not in _HEAD and name != "request_id" and not isinstance(value, dict | list)
    ]
    error = line.fields.get("exception")
    if isinstance(error, dict):
        shown.insert(0, f"{error.get('type')}: {error.get('message')}")
    return "  ".join(shown)[:400]


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _fields(line: Line, page: Page) -> Html:
    rows = []
    for name, value in (line.fields or {"line": line.text}).items():
        if name == "exception" and isinstance(value, dict):
            text = tag("pre", str(value.get("stacktrace") or value.get("message") or ""), class_="mono")
        else:
            text = tag(
                "span", value if isinstance(value, str) else json.dumps(value, indent=1), class_="mono"
            )
        only = _only(name, value, page)
        rows.append(tag("tr", tag("td", name, class_="faint"), tag("td", text), tag("td", only)))
    onward = [link("Lines around it", _around(line, page))]
    if line.trace_id:
        query = f'{{service_name=~".+"}} | trace_id="{line.trace_id}"'
        onward.append(link("All lines of the trace", page.address("/logs", query=query)))
        onward.append(link("Trace", page.address(f"/trace/{line.trace_id}")))
    return tag("div", tag("table", join(rows)), tag("div", join(onward), class_="onward"), class_="fields")


def _only(name: str, value: object, page: Page) -> Html | None:
    """Return a link to the lines of which the field has this value; None where LogQL could not say so."""
    if not _LABEL.fullmatch(name) or not isinstance(value, str | int | float) or len(str(value)) > _LONG:
        return None
    query = f'{{service_name=~".+"}} | json | {name}={json.dumps(_value(value), ensure_ascii=False)}'
    return link("only these", page.address("/logs", query=query), class_="more")


def _around(line: Line, page: Page) -> str:
    at = line.at // 1_000_000
    labels = {"from": str(at - 10_000), "to": str(at + 10_000)}
    query = f'{{service_name="{line.service}"}}'
    return f"/logs?{urlencode({**labels, 'query': query, 'at': str(line.at)})}" if page else ""


def clock(seconds: float) -> str:
    """Return the local time of day of Unix *seconds*, with milliseconds; with the date if it is not today."""
    at = dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone()
    today = dt.datetime.now(dt.UTC).astimezone().date()
    day = "" if at.date() == today else f"{at:%m-%d} "
    return f"{day}{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
