"""The panel that a fault moves, drawn beside its switch as its board draws it."""

from collections.abc import Mapping
from dataclasses import replace

from nicegui import ui

from obskit._faults import Fault
from obskit.console._ask import question, values_of
from obskit.console._html import link, show
from obskit.console._model import Board, Panel
from obskit.console._panels import PanelView
from obskit.console._shell import Page, problem
from obskit.console._sources import Sources

__all__ = ["FaultWatch", "panel_of"]

_PLACE = {"x": 0, "y": 0, "w": 24, "h": 7}
_GRID = "display: grid; grid-template-columns: repeat(24, minmax(0, 1fr)); margin-top: 8px"


class FaultWatch:
    """One panel that is watched; it is drawn into the element that is open when this is made."""

    def __init__(self, fault: Fault, boards: Mapping[str, Board], page: Page, sources: Sources) -> None:
        self.fault = fault
        self._page = page
        self._sources = sources
        self._board = boards.get(str(fault.panel.get("board", "")))
        chosen = fault.panel.get("variables") or {}
        self._chosen = {str(name): [str(value)] for name, value in chosen.items()}
        self._view: PanelView | None = None

    def build(self) -> None:
        """Make the panel; what it shows comes with :meth:`read`."""
        panel = panel_of(self._board, str(self.fault.panel.get("title", ""))) if self._board else None
        if panel is None or self._board is None:
            wanted = f"{self.fault.panel.get('title')!r} on {self.fault.panel.get('board')!r}"
            problem(f"There is no panel {wanted}.", "See the boards for what there is.")
            return
        self._view = PanelView(panel, self._page, self._sources)
        with ui.element("div").style(_GRID):
            self._view.build()
        parameters = {f"var-{name}": values[0] for name, values in self._chosen.items()}
        address = self._page.address(f"/d/{self._board.uid}", refresh="5", **parameters)
        show(link(f"The whole board: {self._board.title}", address, class_="more"))

    async def read(self) -> None:
        """Ask for what the panel shows now."""
        if self._view is not None and self._board is not None:
            chosen = values_of(self._board, self._chosen)
            asked = await question(self._sources, self._page.window, chosen)
            await self._view.read(asked, ())


def panel_of(board: Board, title: str) -> Panel | None:
    """Return the panel *title* of *board*, as wide as the page; None when there is none."""
    found = next((panel for panel in board.panels if panel.title == title and panel.type != "row"), None)
    return found and replace(found, json={**found.json, "gridPos": _PLACE})
