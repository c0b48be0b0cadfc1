"""Trace search: by service, duration, failure or TraceQL."""

from collections.abc import Mapping

from nicegui import ui

from obskit.console._html import Html, tag
from obskit.console._search import Language, SearchLine
from obskit.console._shell import Page, Place, frame
from obskit.console._sources import Sources
from obskit.console._tracelist import found_traces, trace_rows

__all__ = ["traces_page"]

_START = "{kind=server}"
_LANGUAGE = Language(
    name="TraceQL",
    start=_START,
    examples={
        "requests": _START,
        "everything": "{}",
        "failed": "{status=error}",
        "slow": "{duration>500ms && kind=server}",
        "over messages": "{kind=consumer}",
        "injected faults": "{span.obskit.fault!=nil}",
    },
)


class TracesPage:
    """One open trace search."""

    def __init__(self, page: Page, sources: Sources, query: str) -> None:
        self._page = page
        self._sources = sources
        self._search = SearchLine(page, query, _LANGUAGE)
        self._page.reload = self.read

    def build(self) -> None:
        """Make the page; its traces come after it is shown."""
        with frame("Traces", self._page):
            self._search.build()
            self._found = Place()
        ui.timer(0.01, self.read, once=True)

    async def read(self) -> None:
        """Ask for the traces."""
        await self._found.put_later(self._answer)

    async def _answer(self) -> Html:
        found = await found_traces(self._sources, self._search.query, self._page.window)
        nothing = "No trace in this time range. Widen the range, or search for less."
        return trace_rows(found, self._page) if found else tag("div", nothing, class_="empty")


def traces_page(page: Page, sources: Sources, query: Mapping[str, str]) -> None:
    """Show the trace search that *query*, the address' parameters, asks for."""
    TracesPage(page, sources, query.get("query", "")).build()
