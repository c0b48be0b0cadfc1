"""Faults: break a sample service on purpose, and watch its panel, its alert and its incident."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from nicegui import ui

from obskit._assets import asset
from obskit.console._access import Access
from obskit.console._alertlist import Rule, rules_of
from obskit.console._html import Html, join, link, show, tag
from obskit.console._shell import Page, Place, frame, heading, troubled
from obskit.console._sources import SourceError, Sources

__all__ = ["Fault", "FaultsPage", "catalogue"]

_OFTEN_S = 2.0
_OFF = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the catalogue."""

    row: Mapping[str, Any]

    @property
    def id(self) -> str:
        """What the admin route calls it."""
        return str(self.row["id"])

    @property
    def service(self) -> str:
        """Who is broken."""
        return str(self.row.get("service", ""))

    @property
    def levels(self) -> list[int]:
        """Percent of the operations that it may hit."""
        return [int(level) for level in self.row.get("levels") or [100]]

    @property
    def panel(self) -> Mapping[str, Any]:
        """The board and the panel that it moves."""
        panel = self.row.get("panel")
        return panel if isinstance(panel, Mapping) else {}


def catalogue() -> list[Fault]:
    """Return the faults of ``faults.yaml``, in its order."""
    text = asset("sample_services", "faults.yaml").read_text(encoding="utf-8")
    return [Fault(row) for row in yaml.safe_load(text)]


class FaultsPage:
    """The open page of faults."""

    def __init__(self, page: Page, sources: Sources, access: Access) -> None:
        self._page = page
        self._sources = sources
        self._access = access
        self._faults = catalogue()
        self._said: dict[str, Place] = {}
        self._pickers: dict[str, ui.toggle] = {}
        self._known: dict[str, int] = {}

    def build(self) -> None:
        """Make the page; which faults are on comes after it is shown."""
        self._page.reload = self.read
        with frame("Faults", self._page):
            ui.label(
                "Break something on purpose: its panel moves, its alert fires, an incident opens, and all of it "
                "ends when you switch it off."
            ).classes("faint")
            for service in dict.fromkeys(fault.service for fault in self._faults):
                heading(service)
                with ui.element("div").classes("panel"):
                    for fault in self._faults:
                        if fault.service == service:
                            self._row(fault)
        ui.timer(_OFTEN_S, self.read)

    def _row(self, fault: Fault) -> None:
        with ui.element("div").classes("alert"):
            with ui.row().classes("items-center").style("gap: 12px"):
                options = {_OFF: "off"} | {level: f"{level} %" for level in fault.levels}
                picker = ui.toggle(
                    options, value=_OFF, on_change=lambda event: self._chosen(fault, event.value)
                )
                picker.props("dense no-caps unelevated size=sm toggle-color=grey-7")
                picker.props["aria-label"] = f"Level of {fault.id}"
                show(_told(fault, self._page))
            self._pickers[fault.id] = picker
            self._said[fault.id] = Place(classes="faint")

    async def _chosen(self, fault: Fault, level: int) -> None:
        if level == self._known.get(fault.id, _OFF):
            return  # what the service said, not what a reader pressed
        if not self._access.require(self._page.address()):
            return
        method, body = ("POST", {"level": level}) if level else ("DELETE", {})
        try:
            source = self._sources.service(fault.service)
            await source.send(method, f"/admin/faults/{fault.id}", body, self._access.token)
            self._known[fault.id] = level
        except SourceError as error:
            ui.notify(f"{error} {error.fix}", type="negative")
        await self.read()

    async def read(self) -> None:
        """Ask the services which faults are on, and Prometheus which alerts fire."""
        services = list(dict.fromkeys(fault.service for fault in self._faults))
        states = dict(zip(services, await asyncio.gather(*map(self._state, services)), strict=True))
        try:
            rules: Sequence[Rule] = await rules_of(self._sources)
        except SourceError:
            rules = ()
        for fault in self._faults:
            self._tell(fault, states[fault.service], rules)

    async def _state(self, service: str) -> Mapping[str, Mapping[str, Any]] | SourceError:
        try:
            answer = await self._sources.service(service).get(
                "/admin/faults", fresh_s=_OFTEN_S / 2, token=self._access.token
            )
        except SourceError as error:
            return error
        return {str(each["id"]): each for each in answer["faults"]}

    def _tell(
        self, fault: Fault, state: Mapping[str, Mapping[str, Any]] | SourceError, rules: Sequence[Rule]
    ) -> None:
        place = self._said[fault.id]
        if isinstance(state, SourceError):
            place.put(troubled(str(state), state.fix))
            return
        now = state.get(fault.id, {})
        level = int(now.get("level") or _OFF)
        self._known[fault.id] = level
        picker = self._pickers[fault.id]
        if not picker.is_deleted:
            picker.props(f"toggle-color={'negative' if level else 'grey-7'}")
            picker.set_value(level)
        place.put(_now(fault, level, int(now.get("hits") or 0), rules))


def _told(fault: Fault, page: Page) -> Html:
    board = fault.panel.get("board")
    onward = []
    if board:
        text = f"Panel: {fault.panel.get('title', board)}"
        onward.append(link(text, page.address(f"/d/{board}", refresh="5"), class_="more"))
    query = f'{{span.{fault.row.get("span_attribute", "obskit.fault")}="{fault.id}"}}'
    onward.append(link("Its traces", page.address("/traces", query=query), class_="more"))
    return tag("div", tag("b", fault.id), " ", str(fault.row.get("sentence", "")), join(onward))


def _now(fault: Fault, level: int, hits: int, rules: Sequence[Rule]) -> Html:
    alert = str(fault.row.get("alert", ""))
    states = [rule["state"] for rule in rules if rule["name"] == alert]
    state = next((each for each in ("firing", "pending") if each in states), "quiet")
    colour = {"firing": "red", "pending": "yellow"}.get(state, "green")
    return tag(
        "div",
        f"{'on, hits so far: ' + str(hits) if level else 'off'} · ",
        tag("span", f"{alert} {state}", class_=colour) if alert else None,
        " · ",
        str(fault.row.get("caller_sees", "")).strip(),
        link("Incidents", "/incidents", class_="more") if state == "firing" else None,
    )
