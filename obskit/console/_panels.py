"""Draws one panel of a board and reads its data."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from nicegui import events, ui

from obskit.console import _charts
from obskit.console._alertlist import alert_list, rules_of
from obskit.console._ask import Answer, Question, ask
from obskit.console._fields import Field, field_of
from obskit.console._gauges import gauges
from obskit.console._graph import edges_of, graph_of
from obskit.console._html import Html, join, link, show, tag
from obskit.console._links import Onward, links
from obskit.console._loglines import log_lines
from obskit.console._model import Panel
from obskit.console._numbers import numbers
from obskit.console._series import Series
from obskit.console._shell import Page, troubled
from obskit.console._sources import SourceError, Sources
from obskit.console._states import timeline
from obskit.console._table import Table, table_of
from obskit.console._tracelist import trace_list
from obskit.console._units import UnknownUnitError

__all__ = ["Marks", "PanelView"]

_ROWS = 500
# A click between the points of a line names its series and no point, so the time is the pointer's.
_TELL_CLICK = "e => emit({series: e.seriesName, name: e.name, value: e.value, at: obskit.at})"
Marks = Sequence[tuple[float, str, str]]
State = Literal["reading", "ready", "empty", "failed"]


@dataclass
class PanelView:
    """One panel on an open page."""

    panel: Panel
    page: Page
    sources: Sources
    _frame: ui.element | None = None
    _content: ui.element | None = None
    _chart: ui.echart | None = None
    _html: ui.html | None = None
    _state: State = "reading"
    _asked: Question | None = None
    _words: str | None = None
    _listed: list[Onward] | None = None
    _found: Answer = field(default_factory=lambda: Answer({}))

    def build(self) -> None:
        """Make the panel's frame; what is in it comes with :meth:`read`."""
        place = self.panel.json["gridPos"]
        height = place["h"] * 30 + (place["h"] - 1) * 8
        style = f"grid-column: {place['x'] + 1} / span {place['w']}; height: {height}px"
        self._frame = ui.element("section").classes("panel").style(style)
        self._frame.props["data-panel"] = str(self.panel.id)
        self._frame.props["data-state"] = self._state
        self._frame.props["aria-label"] = self.panel.title
        with self._frame:
            if self.panel.title:
                self._title()
            self._content = ui.element("div").classes("inner")
            with self._content:
                ui.label("reading").classes("empty")

    def _title(self) -> None:
        with ui.element("div").classes("title"):
            ui.label(self.panel.title).classes("grow")
            description = str(self.panel.json.get("description", ""))
            if description:
                with ui.icon("info_outline", size="16px").classes("faint"), ui.tooltip():
                    ui.markdown(description).style("max-width: 380px; font-size: 13px")
            button = ui.button(icon="more_vert").props("flat dense round size=xs")
            button.props["aria-label"] = f"Links of {self.panel.title}"
            with button:
                self._menu = ui.menu()

    async def read(self, asked: Question, marks: Marks) -> None:
        """Ask the panel's queries and draw what they answer."""
        self._asked = asked
        if self._content is None or self._content.is_deleted:
            return
        self._fill_menu(asked)
        try:
            await self._draw(asked, marks)
        except SourceError as error:
            self._write(troubled(str(error), error.fix), "failed")
        except UnknownUnitError as error:
            self._write(troubled(str(error), "Use one of them, or open this board in Grafana."), "failed")

    async def _draw(self, asked: Question, marks: Marks) -> None:
        kind = self.panel.type
        if kind in self.ALONE:
            await self.ALONE[kind](self, asked)
        elif kind == "table" and any(target.source == "tempo" for target in self.panel.targets):
            await self._traces(asked)
        elif kind in self.OF_SERIES:
            self._found = await ask(self.sources, self.panel, asked)
            series = self._found.all
            if series:
                self.OF_SERIES[kind](self, series, asked, marks)
            else:
                self._nothing()
        else:
            what = f"The console does not draw panels of the type {kind!r}."
            self._write(troubled(what, "Open this board in Grafana."), "failed")

    def _expr(self, asked: Question) -> str:
        return asked.fill(self.panel.targets[0].expr) if self.panel.targets else ""

    def _nothing(self) -> None:
        text = str(self.panel.defaults.get("noValue") or "no data in this time range")
        self._write(tag("div", text, class_="empty"), "empty")

    async def _text(self, asked: Question) -> None:
        text = asked.fill(str(self.panel.options.get("content", "")))
        if text != self._words:
            self._words = text
            self._replace(lambda: ui.markdown(text).style("padding: 4px 12px; font-size: 14px"), "ready")

    async def _logs(self, asked: Question) -> None:
        found = await log_lines(self.sources, self.page, self._expr(asked), asked)
        self._write(found, "ready")

    async def _traces(self, asked: Question) -> None:
        self._write(await trace_list(self.sources, self.page, self._expr(asked), asked), "ready")

    async def _alerts(self, asked: Question) -> None:  # noqa: ARG002 - alerts are those of now
        self._write(alert_list(await rules_of(self.sources)), "ready")

    async def _nodes(self, asked: Question) -> None:
        edges = await edges_of(self.sources, asked)
        if edges:
            self._plot(graph_of(edges, self.page.theme), is_timed=False)
        else:
            self._nothing()

    def _time_series(self, series: Sequence[Series], asked: Question, marks: Marks) -> None:
        over = _charts.Marks(self._found.exemplars, marks)
        self._plot(_charts.time_series(self.panel, series, asked.window, self.page.theme, over))

    def _heat_map(self, series: Sequence[Series], asked: Question, marks: Marks) -> None:  # noqa: ARG002
        drawn = _charts.heat_map(self.panel, series, self.page.theme, self._found.exemplars)
        self._plot(drawn, is_timed=False)

    def _bars(self, series: Sequence[Series], asked: Question, marks: Marks) -> None:  # noqa: ARG002
        self._plot(_charts.bars(self.panel, series, self.page.theme), is_timed=False)

    def _gauges(self, series: Sequence[Series], asked: Question, marks: Marks) -> None:  # noqa: ARG002
        self._plot(gauges(self.panel, series, self.page.theme), is_timed=False)

    def _numbers(self, series: Sequence[Series], asked: Question, marks: Marks) -> None:  # noqa: ARG002
        self._write(numbers(self.panel, series, asked.window), "ready")

    def _states(self, series: Sequence[Series], asked: Question, marks: Marks) -> None:  # noqa: ARG002
        self._write(timeline(self.panel, series, asked.window, asked.step), "ready")

    def _table(self, series: Sequence[Series], asked: Question, marks: Marks) -> None:  # noqa: ARG002
        table = table_of(self.panel, self._found.series)
        if table.rows:
            self._write(self._rows(table, asked), "ready")
        else:
            self._nothing()

    def _rows(self, table: Table, asked: Question) -> Html:
        fields = {name: field_of(self.panel, name) for name in table.columns}
        # Overrides begin as the defaults, whose links therefore come once a column.
        listed = list({each["title"]: each for each in [*self.panel.links, *_cell_links(fields)]}.values())
        rows = []
        for row in table.rows[:_ROWS]:
            point = {f"__data.fields.{name}": _plain(row.get(name)) for name in table.columns}
            rows.append(_row(table.columns, fields, row, links(listed, asked, point)))
        head = tag("tr", join([tag("th", name) for name in (*table.columns, "")]))
        return tag("table", head, join(rows), class_="plain")

    def _plot(self, options: dict[str, Any], *, is_timed: bool = True) -> None:
        """Draw a chart, or change the one that is there; the same again costs nothing."""
        self._tell("ready")
        if self._chart is not None and not self._chart.is_deleted:
            if self._chart.options != options:
                self._chart.options.clear()
                self._chart.options.update(options)
                self._chart.update()
            return

        def make() -> None:
            self._chart = ui.echart(options).style("width: 100%; height: 100%")
            self._chart.on("componentClick", self._clicked, js_handler=_TELL_CLICK)
            if is_timed:
                ui.run_javascript(f"obskit.join({self._chart.id})")

        self._replace(make, "ready")

    def _clicked(self, event: events.GenericEventArguments) -> None:
        clicked: Mapping[str, Any] = event.args
        if clicked.get("series") == "exemplars":
            ui.navigate.to(self.page.address(f"/trace/{quote(str(clicked.get('name')), safe='')}"))
            return
        name = clicked.get("series") if self.panel.type == "timeseries" else clicked.get("name")
        found = next((one for one in self._found.all if one.name == name), None)
        if found is None or self._asked is None:
            return
        point = {f"__field.labels.{label}": value for label, value in found.labels.items()}
        value = clicked.get("value")
        at = value[0] if isinstance(value, list) and self.panel.type == "timeseries" else clicked.get("at")
        if at is not None:
            point["__value.time"] = f"{float(at):.0f}"
        _choose(links(self.panel.links, self._asked, point))

    def _fill_menu(self, asked: Question) -> None:
        if not self.panel.title:
            return
        onward = links([*self.panel.json.get("links", []), *self.panel.links], asked, {})
        queries = [target for target in self.panel.targets if target.source == "prometheus"]
        onward += [
            Onward(f"Query {target.ref}", self.page.address("/query", query=asked.fill(target.expr)))
            for target in queries
        ]
        if onward == self._listed:
            return
        self._listed = onward
        self._menu.clear()
        with self._menu:
            for each in onward:
                ui.menu_item(each.title, lambda url=each.url: ui.navigate.to(url))
            if not onward:
                ui.menu_item("Click a line or a row for its logs and traces")

    def _write(self, content: Html, state: State) -> None:
        """Show HTML, in the element that is there if there is one: a table that changes does not flicker."""
        self._tell(state)
        if self._html is not None and not self._html.is_deleted:
            self._html.set_content(content)
            return

        def make() -> None:
            self._html = show(content).classes("fills").style("display: flex; flex-direction: column")

        self._replace(make, state)

    def _replace(self, make: Callable[[], object], state: State) -> None:
        self._tell(state)
        content = self._content
        if content is not None and not content.is_deleted:
            content.clear()
            with content:
                make()

    ALONE: ClassVar[Mapping[str, Callable[["PanelView", Question], Awaitable[None]]]] = {
        "alertlist": _alerts,
        "logs": _logs,
        "nodeGraph": _nodes,
        "text": _text,
        "traces": _traces,
    }
    """How panels are drawn that are not made of series."""
    OF_SERIES: ClassVar[Mapping[str, Callable[["PanelView", Sequence[Series], Question, Marks], None]]] = {
        "bargauge": _bars,
        "gauge": _gauges,
        "heatmap": _heat_map,
        "stat": _numbers,
        "state-timeline": _states,
        "table": _table,
        "timeseries": _time_series,
    }
    """How the others are drawn."""

    def _tell(self, state: State) -> None:
        if state != self._state and self._frame is not None and not self._frame.is_deleted:
            self._state = state
            self._frame.props["data-state"] = state
            self._frame.update()


def _cell_links(fields: Mapping[str, Field]) -> list[Mapping[str, Any]]:
    return [link for shown in fields.values() for link in shown.settings.get("links", []) or []]


def _plain(cell: str | float | None) -> str:
    return "" if cell is None else str(cell)


def _row(
    columns: Sequence[str], fields: Mapping[str, Field], row: Mapping[str, Any], onward: Sequence[Onward]
) -> Html:
    """One row; its first cell is the first link, the others stand at its end."""
    cells: list[Html] = []
    for name in columns:
        value = row.get(name)
        text = value if isinstance(value, str) else fields[name].text(value)
        colour = "" if isinstance(value, str) else fields[name].colour(value)
        inner = link(text, onward[0].url, title=onward[0].title) if onward and not cells else text
        cells.append(tag("td", inner, style=f"color: {colour}" if colour else None))
    rest = join([link(each.title, each.url, class_="more") for each in onward[1:]])
    return tag("tr", join(cells), tag("td", rest, style="text-align: right"))


def _choose(onward: Sequence[Onward]) -> None:
    """Follow the one link, or let the reader choose among several."""
    if len(onward) == 1:
        ui.navigate.to(onward[0].url)
        return
    with ui.dialog(value=True) as dialog, ui.card():
        ui.label("Go on to").classes("faint")
        for each in onward:
            ui.link(each.title, each.url)
        ui.button("Stay here", on_click=dialog.close).props("flat dense")
