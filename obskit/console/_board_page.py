"""The page of one board, at ``/d/<uid>`` as in Grafana."""

import asyncio
from collections.abc import Mapping, Sequence

from nicegui import ui

from obskit.console._ask import Question, choices, marks, question, values_of
from obskit.console._fields import colour
from obskit.console._fill import ALL
from obskit.console._model import Board, Variable
from obskit.console._panels import PanelView
from obskit.console._shell import Page, frame, problem
from obskit.console._sources import SourceError, Sources
from obskit.console._undrawable import undrawable

__all__ = ["board_page"]

_GRID = "display: grid; grid-template-columns: repeat(24, minmax(0, 1fr)); gap: 8px; align-items: start"


class BoardPage:
    """One open board."""

    def __init__(
        self, board: Board, page: Page, sources: Sources, chosen: Mapping[str, Sequence[str]]
    ) -> None:
        self._board = board
        self._page = page
        self._sources = sources
        self._chosen = {name: list(values) for name, values in chosen.items()}
        self._views: list[PanelView] = []
        self._pickers: dict[str, ui.select] = {}
        self._busy = asyncio.Lock()

    def build(self) -> None:
        """Make the page; its data comes after it is shown."""
        self._page.more = {f"var-{name}": values for name, values in self._chosen.items()}
        self._page.reload = self.read
        with frame(self._board.title, self._page):
            with ui.row().classes("items-center").style("gap: 14px; margin-bottom: 8px"):
                ui.label(self._board.title).style("font-size: 19px; font-weight: 650")
                for variable in self._board.variables:
                    self._picker(variable)
            missing = undrawable(self._board)
            if missing:
                problem(
                    "The console cannot draw all of this board: " + "; ".join(missing), "Open it in Grafana."
                )
            self._panels()
        ui.timer(0.01, self.read, once=True)

    def _panels(self) -> None:
        grid = ui.element("div").style(_GRID)
        for panel in self._board.panels:
            if panel.type == "row":
                ui.label(panel.title).style("font-weight: 650; margin: 14px 0 6px")
                grid = ui.element("div").style(_GRID)
                continue
            view = PanelView(panel, self._page, self._sources)
            with grid:
                view.build()
            self._views.append(view)

    def _picker(self, variable: Variable) -> None:
        def choose(picked: object) -> None:
            values = [picked] if isinstance(picked, str) else list(picked or [])  # type: ignore[call-overload]
            if ALL in values and len(values) > 1:
                # All and one more: the later one is what is meant.
                values = [ALL] if values[-1] == ALL else [value for value in values if value != ALL]
                picker.set_value(values)
                return
            self._chosen[variable.name] = values
            self._page.more[f"var-{variable.name}"] = values
            self._page.changed()

        start = self._start(variable)
        options = {ALL: "All"} if variable.everything is not None else {}
        options |= {value: value for value in start if value != ALL}
        picker = ui.select(
            options,
            multiple=variable.is_multi,
            value=start if variable.is_multi else next(iter(start), None),
            label=variable.label,
            on_change=lambda event: choose(event.value),
        )
        picker.props(
            "dense options-dense outlined use-chips" if variable.is_multi else "dense options-dense outlined"
        )
        picker.style("min-width: 150px; max-width: 420px")
        self._pickers[variable.name] = picker

    def _start(self, variable: Variable) -> list[str]:
        current = variable.json.get("current") or {}
        start = current.get("value", "")
        return list(self._chosen.get(variable.name) or (start if isinstance(start, list) else [start]))

    async def read(self) -> None:
        """Ask for everything that the board shows."""
        if self._busy.locked():
            return  # what is being read now is as new
        async with self._busy:
            asked = await question(self._sources, self._page.window, values_of(self._board, self._chosen))
            try:
                over = [
                    (at, text, colour(name))
                    for at, text, name in await marks(self._sources, self._board, asked)
                ]
            except SourceError:
                over = []  # the panels say what is wrong
            await asyncio.gather(self._offer(asked), *(view.read(asked, over) for view in self._views))

    async def _offer(self, asked: Question) -> None:
        """Fill the pickers with the values that there are now."""
        for variable in self._board.variables:
            picker = self._pickers[variable.name]
            try:
                found = await choices(self._sources, variable, asked)
            except SourceError:
                continue
            options = {ALL: "All"} if variable.everything is not None else {}
            options |= {value: value for value in (*found, *self._start(variable)) if value and value != ALL}
            if options != picker.options:
                picker.set_options(options)


def board_page(board: Board, page: Page, sources: Sources, chosen: Mapping[str, Sequence[str]]) -> None:
    """Show *board* with the *chosen* values of its variables."""
    BoardPage(board, page, sources, chosen).build()
