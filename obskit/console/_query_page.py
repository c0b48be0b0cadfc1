"""Metrics: any PromQL as a chart and a table."""

from collections.abc import Sequence

from nicegui import ui

from obskit.console import _charts
from obskit.console._ask import Question, question
from obskit.console._html import Html, join, tag
from obskit.console._model import Panel
from obskit.console._search import Language, SearchLine
from obskit.console._series import Series, matrix, named
from obskit.console._shell import Page, Place, frame
from obskit.console._sources import Sources
from obskit.console._units import unit

__all__ = ["QueryPage"]

_LANGUAGE = Language(
    name="PromQL",
    start="sum by (service_name) (rate(http_server_request_duration_seconds_count[$__rate_interval]))",
    verb="Ask",
)
_ROWS = 200
_PANEL = Panel({"type": "timeseries", "options": {"legend": {"showLegend": False}}})


class QueryPage:
    """One open query of metrics."""

    def __init__(self, page: Page, sources: Sources, query: str) -> None:
        self._page = page
        self._sources = sources
        self._search = SearchLine(page, query, _LANGUAGE)
        self._page.reload = self.read

    def build(self) -> None:
        """Make the page; its answer comes after it is shown."""
        with frame("Metrics", self._page):
            self._search.build()
            self._chart = ui.echart({}).classes("panel").style("height: 340px; width: 100%; margin: 8px 0")
            ui.run_javascript(f"obskit.join({self._chart.id})")
            self._table = Place()
        ui.timer(0.01, self.read, once=True)

    async def read(self) -> None:
        """Ask Prometheus."""
        await self._table.put_later(self._answer)

    async def _answer(self) -> Html:
        asked = await question(self._sources, self._page.window, {})
        found = await matrix(
            self._sources.prometheus, asked.fill(self._search.query), asked.window, asked.step
        )
        series = [Series(one.labels, one.times, one.values, named(one, None)) for one in found]
        self._draw(series, asked)
        return _rows(series)

    def _draw(self, series: Sequence[Series], asked: Question) -> None:
        drawn = _charts.time_series(_PANEL, series, asked.window, self._page.theme, _charts.Marks())
        self._chart.options.clear()
        self._chart.options.update(drawn)
        self._chart.update()


def _rows(series: Sequence[Series]) -> Html:
    if not series:
        text = "No series answers in this time range. Widen the range, or check the names of the query."
        return tag("div", text, class_="empty")
    shown = sorted(series, key=lambda one: -(one.last or 0))[:_ROWS]
    rows = [
        tag("tr", tag("td", one.name, class_="mono"), tag("td", unit("short").text(one.last)))
        for one in shown
    ]
    head = tag("tr", tag("th", f"Series ({len(series)})"), tag("th", "Last"))
    return tag("table", head, join(rows), class_="plain")
