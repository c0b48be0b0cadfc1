"""The line in which a query is written, which all pages that search have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from nicegui import ui

from obskit.console._shell import Page

__all__ = ["Language", "SearchLine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What is asked on a page: the language's name, what an empty line means, and the button's word."""

    name: str
    start: str
    verb: str = "Search"
    examples: Mapping[str, str] = field(default_factory=dict)
    """Queries by what they find."""


class SearchLine:
    """A query, the button that asks it, and examples of others; *page* is read anew with another query."""

    def __init__(self, page: Page, query: str, language: Language) -> None:
        self.query = query or language.start
        self._page = page
        self._language = language
        page.more = {"query": self.query}

    def build(self) -> ui.row:
        """Put it on the page; return the row, for what a page has beside its query."""
        with ui.row().classes("items-center w-full no-wrap search").style("gap: 8px") as row:
            self._input = ui.input(value=self.query, placeholder=self._language.start)
            self._input.props(f"dense outlined aria-label='{self._language.name} query'")
            self._input.classes("mono").style("flex: 1").on("keydown.enter", self._ask)
            ui.button(self._language.verb, on_click=self._ask).props("dense unelevated no-caps")
        with ui.element("div").classes("examples"):
            for name, query in self._language.examples.items():
                ui.link(name, f"{self._page.path}?{urlencode({'query': query, 'from': self._page.begin})}")
        return row

    def _ask(self) -> None:
        self.query = self._input.value.strip() or self._language.start
        self._page.more = {"query": self.query}
        self._page.changed()
