"""Log search: a query, its lines by level over time, the lines themselves, and a live tail."""

import asyncio
import json
import time
from collections.abc import Mapping
from urllib.parse import urlencode

from nicegui import background_tasks, events, ui
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from obskit.console import _charts
from obskit.console._html import tag
from obskit.console._loglines import Line, line_of, lines_of, written
from obskit.console._search import Language, SearchLine
from obskit.console._series import matrix
from obskit.console._shell import Page, Place, frame, troubled
from obskit.console._sources import SourceError, Sources

__all__ = ["logs_page"]

_START = '{service_name=~".+"}'
_COLOURS = {
    "debug": "#8b93a1",
    "info": "#3b82d6",
    "warning": "#d9a514",
    "error": "#e0403f",
    "critical": "#9b1c1c",
}
_LINES = 300
_COLUMNS = 60
_LOOK_S = 5.0
_LANGUAGE = Language(
    name="LogQL",
    start=_START,
    examples={
        "everything": _START,
        "errors": '{service_name=~".+", level=~"error|critical"}',
        "slow requests": '{service_name=~".+"} | json | event="http.request" | duration_ms > 500',
        "failed requests": '{service_name=~".+"} | json | event="http.request" | outcome="server_error"',
        "one text": '{service_name=~".+"} |= "timeout"',
    },
)


class LogsPage:
    """One open log search."""

    def __init__(self, page: Page, sources: Sources, query: str, at: str) -> None:
        self._page = page
        self._sources = sources
        self._search = SearchLine(page, query, _LANGUAGE)
        self._at = at
        self._page.reload = self.read
        self._following: asyncio.Task[None] | None = None
        self._followed = ""

    def build(self) -> None:
        """Make the page; its lines come after it is shown."""
        with frame("Logs", self._page):
            with self._search.build():
                self._live = ui.switch("Live", on_change=lambda event: self._follow(on=event.value))
            self._chart = ui.echart({}, on_point_click=self._column).classes("panel")
            self._chart.style("height: 150px; width: 100%")
            ui.run_javascript(f"obskit.join({self._chart.id})")
            self._said = ui.label("").classes("faint").style("margin: 6px 0").props("role=status")
            self._lines = Place()
        ui.timer(0.01, self.read, once=True)

    def _column(self, event: events.EChartPointClickEventArguments) -> None:
        if self._page.narrow is not None and isinstance(event.value, list):
            start = float(event.value[0]) / 1000
            # A column counts what came in the step before its time.
            self._page.narrow(start - self._page.window.step(_COLUMNS, 1), start)

    async def read(self) -> None:
        """Ask for the lines and for their number over time."""
        if self._following is not None:
            if self._followed != self._search.query:
                self._follow(on=True)
            return  # new lines come by themselves
        window = self._page.window
        try:
            found = await lines_of(self._sources, self._search.query, window, limit=_LINES)
        except SourceError as error:
            self._put_problem(error)
            return
        self._put(found)
        await self._count()

    def _put_problem(self, error: SourceError) -> None:
        self._lines.put(troubled(str(error), error.fix))

    def _put(self, found: list[Line]) -> None:
        more = (
            f"the newest {_LINES} lines; choose a shorter time range for all" if len(found) == _LINES else ""
        )
        self._said.set_text(more or f"{len(found)} lines")
        nothing = "No line in this time range. Widen the range, or search for less."
        content = written(found, self._page, at=self._at) if found else tag("div", nothing, class_="empty")
        self._lines.put(content)

    async def _count(self) -> None:
        window = self._page.window
        step = window.step(_COLUMNS, 1)
        window = window.aligned(step)
        expr = f"sum by (level) (count_over_time({self._search.query} [{step:.0f}s]))"
        try:
            series = await matrix(self._sources.logs, expr, window, step)
        except SourceError:
            # A query that is a metric already, or too wide to count: the lines still show.
            self._chart.set_visibility(False)
            return
        self._chart.set_visibility(True)
        by_level = {one.labels.get("level") or "lines": one for one in series}
        levels = {name: by_level[name] for name in (*_COLOURS, *by_level) if name in by_level}
        self._chart.options.clear()
        self._chart.options.update(_charts.columns(levels, window, self._page.theme, _COLOURS))
        self._chart.update()

    def _follow(self, *, on: bool) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None
        if on:
            self._followed = self._search.query
            self._lines.put(tag("div", "Waiting for the next line.", class_="empty"))
            self._following = background_tasks.create(self._tail(), name="log tail")
        else:
            self._page.read()

    async def _tail(self) -> None:
        url = self._sources.urls.logs.replace("http", "ws", 1)
        begin = f"{time.time_ns()}"
        address = f"{url}/loki/api/v1/tail?{urlencode({'query': self._search.query, 'start': begin})}"
        shown: list[Line] = []
        try:
            async with connect(address, max_size=1 << 24) as socket:
                while not self._lines.is_gone:
                    try:
                        message = await asyncio.wait_for(socket.recv(), _LOOK_S)
                    except TimeoutError:
                        continue  # look again whether anybody still reads
                    new = [
                        line_of(stream["stream"], value[0], value[1])
                        for stream in json.loads(message).get("streams") or []
                        for value in stream["values"]
                    ]
                    shown = sorted([*shown, *new], key=lambda line: line.at, reverse=True)[:_LINES]
                    self._put(shown)
                    self._said.set_text(f"live: {len(shown)} lines since you began to follow")
        except (OSError, WebSocketException) as error:
            self._put_problem(
                SourceError(f"The tail ended ({type(error).__name__}).", "Switch Live on again.")
            )
            self._live.set_value(False)


def logs_page(page: Page, sources: Sources, query: Mapping[str, str]) -> None:
    """Show the log search that *query*, the address' parameters, asks for."""
    LogsPage(page, sources, query.get("query", ""), query.get("at", "")).build()
