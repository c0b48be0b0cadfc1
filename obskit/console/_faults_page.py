"""Faults: switch one on, watch its panel, its alert and its incident."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from obskit._faults import Fault, catalogue
from obskit.console._access import Access
from obskit.console._alertlist import Rule, rules_of
from obskit.console._fault_watch import FaultWatch
from obskit.console._html import Html, join, link, show, tag
from obskit.console._model import Board
from obskit.console._shell import Page, Place, frame, troubled
from obskit.console._sources import SourceError, Sources

__all__ = ["FaultsPage", "group_of", "matches"]

_OFTEN_S = 2.0
_OFF = 0
_NOTHING = Html("")
_GROUPS = {"load": "By load", "stack": "By the stack"}
State = Mapping[str, Mapping[str, Any]]


class _Row:
    """One fault on the page: its switch, what is said of it, and its panel while it is watched."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.known = _OFF
        self.is_switching = False
        self.picker: ui.toggle
        self.said: Place
        self.place: ui.element
        self.element: ui.element


class FaultsPage:
    """The open page of faults."""

    def __init__(self, page: Page, sources: Sources, access: Access, boards: Mapping[str, Board]) -> None:
        self._page = page
        self._sources = sources
        self._access = access
        self._boards = boards
        self._rows = {name: _Row(fault) for name, fault in catalogue().items()}
        self._groups: dict[str, tuple[ui.label, Place, ui.element, list[_Row]]] = {}
        self._watched: FaultWatch | None = None

    def build(self) -> None:
        """Make the page; which faults are on comes after it is shown."""
        self._page.reload = self.read
        with frame("Faults", self._page):
            ui.label(
                "Break something on purpose: its panel moves, its alert fires, an incident opens, and all of it "
                "ends when you switch it off."
            ).classes("faint")
            with ui.row().classes("items-center w-full search").style("gap: 12px; margin: 8px 0"):
                self._on = Place(classes="")
                self._off = ui.button("Switch all off", on_click=self._all_off).props("outline no-caps dense")
                self._off.set_visibility(False)
                ui.element("div").style("flex: 1")
                ui.input(placeholder="Find a fault", on_change=lambda event: self._find(event.value)).props(
                    "dense outlined clearable aria-label='Find a fault'"
                )
            for name in dict.fromkeys(group_of(row.fault) for row in self._rows.values()):
                self._group(name)
        self._page.often(_OFTEN_S)

    def _group(self, name: str) -> None:
        rows = [row for row in self._rows.values() if group_of(row.fault) == name]
        head = ui.label(name).classes("heading").props("role=heading aria-level=2")
        trouble = Place(classes="")
        trouble.put(_NOTHING)
        with ui.element("div").classes("panel") as box:
            for row in rows:
                self._row(row)
        self._groups[name] = head, trouble, box, rows

    def _row(self, row: _Row) -> None:
        fault = row.fault
        with ui.element("div").classes("alert") as row.element:
            with ui.row().classes("items-center no-wrap").style("gap: 12px"):
                options = {_OFF: "off"} | {level: f"{level} %" for level in fault.levels}
                row.picker = ui.toggle(options, value=_OFF, on_change=lambda e: self._chosen(row, e.value))
                row.picker.props("dense no-caps unelevated toggle-color=grey-7")
                row.picker.props["aria-label"] = f"Level of {fault.id}"
                show(_told(fault, self._page)).style("flex: 1; min-width: 0")
                if fault.panel:
                    button = ui.button("Watch", on_click=lambda: self._watch(row))
                    button.props("outline dense no-caps")
                    button.props["aria-label"] = f"Watch {fault.id}"
            row.said = Place(classes="faint")
            row.place = ui.element("div")

    def _find(self, text: str | None) -> None:
        for head, _, box, rows in self._groups.values():
            for row in rows:
                row.element.set_visibility(matches(row.fault, text or ""))
            is_any = any(row.element.visible for row in rows)
            head.set_visibility(is_any)
            box.set_visibility(is_any)

    async def _watch(self, row: _Row) -> None:
        before, self._watched = self._watched, None
        if before is not None:
            self._rows[before.fault.id].place.clear()
            if before.fault is row.fault:
                return
        with row.place:
            watch = FaultWatch(row.fault, self._boards, self._page, self._sources)
            watch.build()
        self._watched = watch
        await watch.read()

    async def _chosen(self, row: _Row, level: int) -> None:
        if level == row.known:
            return  # what the service said, not what a reader pressed
        if not self._access.require(self._page.address()):
            return
        row.is_switching = True
        row.picker.disable()
        await self._switch(row, level)
        row.is_switching = False
        await self.read()

    async def _switch(self, row: _Row, level: int) -> None:
        method, body = ("POST", {"level": level}) if level else ("DELETE", {})
        try:
            for process in row.fault.switched_at:
                source = self._sources.service(process)
                await source.send(method, f"/admin/faults/{row.fault.id}", body, self._access.token)
            row.known = level
        except SourceError as error:
            ui.notify(f"{error} {error.fix}", type="negative")

    async def _all_off(self) -> None:
        if self._access.require(self._page.address()):
            await asyncio.gather(*(self._switch(row, _OFF) for row in self._rows.values() if row.known))
            await self.read()

    async def read(self) -> None:
        """Ask who switches them which faults are on, and Prometheus which alerts fire."""
        names = list(dict.fromkeys(row.fault.switched_by for row in self._rows.values()))
        states = dict(zip(names, await asyncio.gather(*map(self._state, names)), strict=True))
        try:
            rules: Sequence[Rule] = await rules_of(self._sources)
        except SourceError:
            rules = ()
        for _, trouble, _, rows in self._groups.values():
            state = states[rows[0].fault.switched_by]
            lost, known = (state, {}) if isinstance(state, SourceError) else (None, state)
            trouble.put(troubled(str(lost), lost.fix) if lost else _NOTHING)
            for row in rows:
                self._tell(row, known, rules)
        self._sum_up()
        if self._watched is not None:
            await self._watched.read()

    async def _state(self, name: str) -> State | SourceError:
        try:
            answer = await self._sources.service(name).get(
                "/admin/faults", fresh_s=_OFTEN_S / 2, token=self._access.token
            )
        except SourceError as error:
            return error
        return {str(each["id"]): each for each in answer["faults"]}

    def _tell(self, row: _Row, state: State, rules: Sequence[Rule]) -> None:
        now = state.get(row.fault.id)
        level = int((now or {}).get("level") or _OFF)
        row.known = level
        if not row.picker.is_deleted:
            row.picker.props(f"toggle-color={'negative' if level else 'grey-7'}")
            row.picker.set_value(level)
            if not row.is_switching:
                row.picker.set_enabled(now is not None)
        row.said.put(_now(row.fault, now, rules))

    def _sum_up(self) -> None:
        on = [f"{row.fault.id} at {row.known} %" for row in self._rows.values() if row.known]
        text = f"On now: {', '.join(on)}" if on else "Nothing is broken on purpose now."
        self._on.put(tag("span", text, class_="red" if on else "green"))
        if not self._off.is_deleted:
            self._off.set_visibility(bool(on))


def group_of(fault: Fault) -> str:
    """Return the heading under which *fault* stands: its service, or what else it acts by."""
    return _GROUPS.get(fault.acts, fault.service)


def matches(fault: Fault, text: str) -> bool:
    """Tell whether each word of *text* is somewhere in what is said of *fault*."""
    said = f"{fault.id} {fault.sentence} {fault.service} {fault.alert} {fault.row.get('caller_sees', '')}".lower()
    return all(word in said for word in text.lower().split())


def _told(fault: Fault, page: Page) -> Html:
    attribute, event = fault.row.get("span_attribute"), fault.row.get("log_event")
    onward = []
    if attribute and attribute != "none":
        query = f'{{span.{attribute}="{fault.row.get("span_value", fault.id)}"}}'
        onward.append(link("Its traces", page.address("/traces", query=query), class_="more"))
    if event:
        query = f'{{service_name=~".+"}} | json | event="{event}"'
        if event == "fault.injected":
            query += f' | fault="{fault.id}"'
        onward.append(link("Its log lines", page.address("/logs", query=query), class_="more"))
    return tag("div", tag("b", fault.id), " ", fault.sentence, join(onward))


def _now(fault: Fault, now: Mapping[str, Any] | None, rules: Sequence[Rule]) -> Html:
    states = [rule["state"] for rule in rules if rule["name"] == fault.alert]
    state = next((each for each in ("firing", "pending") if each in states), "quiet")
    colour = {"firing": "red", "pending": "yellow"}.get(state, "green")
    return tag(
        "div",
        f"{_level(now)} · ",
        tag("span", f"{fault.alert} {state}", class_=colour) if fault.alert else None,
        " · ",
        str(fault.row.get("caller_sees", "")).strip(),
        link("Incidents", "/incidents", class_="more") if state == "firing" else None,
    )


def _level(now: Mapping[str, Any] | None) -> str:
    if now is None:
        return "not known"
    return f"on, hits so far: {now.get('hits') or 0}" if now.get("level") else "off"
