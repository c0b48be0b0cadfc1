"""Trace search: by service, duration, failure or TraceQL."""

from collections.abc import Mapping
from urllib.parse import urlencode

from nicegui import ui

from obskit.console._html import show, tag
from obskit.console._shell import Page, frame, problem
from obskit.console._sources import SourceError, Sources
from obskit.console._tracelist import found_traces, trace_rows

__all__ = ["traces_page"]

EXAMPLES = {
    "everything": "{}",
    "failed": "{status=error}",
    "slow": "{duration>500ms && kind=server}",
    "over messages": "{kind=consumer}",
    "injected faults": "{span.obskit.fault!=nil}",
}


class TracesPage:
    """One open trace search."""

    def __init__(self, page: Page, sources: Sources, query: str) -> None:
        self._page = page
        self._sources = sources
        self._query = query or "{}"
        self._page.more = {"query": self._query}
        self._page.reload = self.read

    def build(self) -> None:
        """Make the page; its traces come after it is shown."""
        with frame("Traces", self._page):
            with ui.row().classes("items-center w-full no-wrap").style("gap: 8px"):
                self._input = ui.input(value=self._query).props("dense outlined aria-label='TraceQL query'")
                self._input.classes("mono").style("flex: 1").on("keydown.enter", self._search)
                ui.button("Search", on_click=self._search).props("dense unelevated no-caps")
            with ui.row().style("gap: 10px; margin: 4px 0 8px; font-size: 13px"):
                for name, query in EXAMPLES.items():
                    ui.link(name, f"/traces?{urlencode({'query': query, 'from': self._page.begin})}")
            self._found = ui.element("div").classes("panel")
        ui.timer(0.01, self.read, once=True)

    def _search(self) -> None:
        self._query = self._input.value.strip() or "{}"
        self._page.more = {"query": self._query}
        self._page.changed()

    async def read(self) -> None:
        """Ask for the traces."""
        try:
            found = await found_traces(self._sources, self._query, self._page.window)
        except SourceError as error:
            self._found.clear()
            with self._found:
                problem(str(error), error.fix)
            return
        self._found.clear()
        with self._found:
            nothing = tag(
                "div", "No trace in this time range. Widen the range, or search for less.", class_="empty"
            )
            show(trace_rows(found, self._page) if found else nothing)


def traces_page(page: Page, sources: Sources, query: Mapping[str, str]) -> None:
    """Show the trace search that *query*, the address' parameters, asks for."""
    TracesPage(page, sources, query.get("query", "")).build()
