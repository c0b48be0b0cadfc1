"""Labs: two ways of doing one thing side by side; run one here and read what came of it."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nicegui import ui

from obskit.console._access import Access
from obskit.console._html import Html, join, link, show, tag
from obskit.console._labs import Lab, Labs, LabsError, Run
from obskit.console._shell import Page, Place, frame, problem
from obskit.console._units import unit

__all__ = ["LabsPage", "result_table"]

_OFTEN_S = 1.0
_BOARD = "/d/obskit-labs"
_ALWAYS = ("p50_s", "p95_s", "p99_s", "per_s", "failed", "cpu_s")
_TITLES = {"per_s": "calls/s", "cpu_s": "CPU a call", "done_p95_s": "done p95", "work_per_s": "work/s"}
_NOTHING = Html("")


class LabsPage:
    """The open page of labs."""

    def __init__(self, page: Page, labs: Labs, access: Access) -> None:
        self._page = page
        self._labs = labs
        self._access = access
        self._said: dict[str, Place] = {}
        self._buttons: dict[str, list[ui.button]] = {}
        self._stops: dict[str, ui.button] = {}
        self._shown: list[Lab] = []

    def build(self) -> None:
        """Make the page; the list of labs comes after it is shown."""
        self._page.reload = self.read
        with frame("Labs", self._page, has_times=False):
            ui.label(
                "Two ways of doing one thing, under the same load in turn, on this machine. A quick look has "
                "repetitions of 2 s; a whole run takes as long as its figures need to be worth something."
            ).classes("faint")
            self._content = ui.element("div").style("margin-top: 10px")
            with self._content:
                show(tag("div", "reading", class_="empty"))
        self._page.often(_OFTEN_S)

    async def read(self) -> None:
        """Ask which labs there are and which runs."""
        try:
            listed = await self._labs.listed()
        except LabsError as error:
            self._fill(functools.partial(problem, str(error), error.fix))
            return
        if listed != self._shown:
            self._shown = listed
            self._fill(self._list)
        for name, place in self._said.items():
            self._tell(name, place, self._labs.runs.get(name))

    def _fill(self, make: Callable[[], object]) -> None:
        if not self._content.is_deleted:
            self._content.clear()
            with self._content:
                make()

    def _list(self) -> None:
        for lab in self._shown:
            with ui.element("div").classes("panel").style("margin-bottom: 8px"):
                with ui.row().classes("items-center no-wrap").style("gap: 8px; padding: 8px 12px"):
                    show(_told(lab)).style("flex: 1; min-width: 0")
                    self._buttons[lab.name] = [
                        self._button("Quick look", lab.name, is_quick=True),
                        self._button("Whole run", lab.name, is_quick=False),
                    ]
                    stop = ui.button("Stop", on_click=self._stop).props("outline dense no-caps")
                    self._stops[lab.name] = stop
                    stop.set_visibility(False)
                self._said[lab.name] = Place(classes="")
                self._said[lab.name].put(_NOTHING)

    def _button(self, text: str, name: str, *, is_quick: bool) -> ui.button:
        button = ui.button(text, on_click=lambda: self._start(name, is_quick=is_quick))
        button.props("outline dense no-caps")
        button.props["aria-label"] = f"{text} of {name}"
        return button

    async def _start(self, name: str, *, is_quick: bool) -> None:
        if not self._access.require(self._page.address()):
            return
        try:
            await self._labs.start(name, is_quick=is_quick)
        except LabsError as error:
            ui.notify(f"{error} {error.fix}", type="negative")
        await self.read()

    async def _stop(self) -> None:
        if self._access.require(self._page.address()):
            await self._labs.stop()
            await self.read()

    def _tell(self, name: str, place: Place, run: Run | None) -> None:
        if place.is_gone:
            return
        for button in self._buttons[name]:
            button.set_enabled(self._labs.running is None)
        self._stops[name].set_visibility(run is not None and run is self._labs.running)
        place.put(_NOTHING if run is None else _course(run, self._page))


def _told(lab: Lab) -> Html:
    ways = tag(
        "div", f"{' · '.join(lab.ways)}; a whole run takes {lab.seconds:.0f} s or more", class_="faint"
    )
    return tag("div", tag("b", lab.name), " ", lab.question, ways, style="font-size: 13px")


def _course(run: Run, page: Page) -> Html:
    if run.result is not None:
        board = link("Board", page.address(_BOARD), class_="more")
        return tag("div", result_table(run.result), _conclusion(run.result, board))
    if run.problem:
        return tag("div", run.problem, class_="problem", role="alert")
    newest = run.lines[-1] if run.lines else "starting"
    bar = tag("div", "", class_="gauge", style=f"width: {run.share * 100:.0f}%", role="progressbar")
    return tag("div", f"{newest} · {run.elapsed_s:.0f} s", bar, class_="faint", style="padding: 0 12px 10px")


def _conclusion(result: Mapping[str, Any], board: Html) -> Html:
    load = f"{result.get('rate', 0):g} calls a second for {result.get('seconds', 0):g} s each"
    return tag(
        "div",
        tag("b", str(result.get("conclusion", ""))),
        tag("span", f" {load}.", class_="faint"),
        board,
        style="padding: 6px 12px 10px; font-size: 13px",
    )


def result_table(result: Mapping[str, Any]) -> Html:
    """Return what a lab measured as a table: the median of each figure, and its spread where it has one."""
    ways: Sequence[Mapping[str, Any]] = result.get("ways") or []
    names = [
        name
        for name in dict.fromkeys(name for way in ways for name in way["figures"])
        if name in _ALWAYS or any(way["figures"].get(name, {}).get("most") for way in ways)
    ]
    head = tag("tr", tag("th", "way"), join([tag("th", _title(name)) for name in names]))
    rows = [
        tag(
            "tr",
            tag("td", tag("b", str(way["name"])), " ", tag("span", str(way.get("what", "")), class_="faint")),
            join([tag("td", _cell(name, way["figures"].get(name)), class_="whole") for name in names]),
        )
        for way in ways
    ]
    return tag("table", head, join(rows), class_="plain")


def _title(name: str) -> str:
    return _TITLES.get(name, name.removesuffix("_s").replace("_", " "))


def _cell(name: str, spread: Mapping[str, float] | None) -> str:
    if spread is None:
        return "-"
    seconds = name.endswith("_s") and not name.endswith("per_s")
    scale = unit("s" if seconds else "decbytes" if name == "bytes" else "short")
    median = scale.text(spread["median"])
    if spread["least"] == spread["most"]:
        return median
    return f"{median} ({scale.text(spread['least'])} to {scale.text(spread['most'])})"
