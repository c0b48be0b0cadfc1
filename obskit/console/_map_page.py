"""The service map."""

from nicegui import ui

from obskit.console._ask import question
from obskit.console._graph import edge_table, edges_of, graph_of
from obskit.console._html import tag
from obskit.console._shell import Page, Place, frame, troubled
from obskit.console._sources import SourceError, Sources

__all__ = ["MapPage"]


class MapPage:
    """The open map."""

    def __init__(self, page: Page, sources: Sources) -> None:
        self._page = page
        self._sources = sources
        self._page.reload = self.read

    def build(self) -> None:
        """Make the page; the map comes after it is shown."""
        with frame("Service map", self._page):
            ui.label(
                "Solid lines are calls that somebody waits for; dashed ones are messages. Red ones fail."
            ).classes("faint")
            self._chart = ui.echart({}).classes("panel").style("height: 460px; width: 100%; margin: 8px 0")
            self._chart.set_visibility(False)
            self._table = Place()
        ui.timer(0.01, self.read, once=True)

    async def read(self) -> None:
        """Ask Prometheus for the edges that the trace store found."""
        try:
            asked = await question(self._sources, self._page.window, {})
            edges = await edges_of(self._sources, asked)
        except SourceError as error:
            self._chart.set_visibility(False)
            self._table.put(troubled(str(error), error.fix))
            return
        self._chart.set_visibility(bool(edges))
        if not edges:
            text = "No trace crossed from one service to another in this time range. Send some requests."
            self._table.put(tag("div", text, class_="empty"))
            return
        drawn = graph_of(edges, self._page.theme)
        if drawn != self._chart.options:
            self._chart.options.clear()
            self._chart.options.update(drawn)
            self._chart.update()
        self._table.put(edge_table(edges, self._page))
