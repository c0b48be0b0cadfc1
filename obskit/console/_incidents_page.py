"""Incidents: who is hurt, what to do, the evidence, and who is on it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from obskit.console._access import Access
from obskit.console._html import Html, join, link, show, tag
from obskit.console._loglines import lines_of, written
from obskit.console._shell import Page, frame, problem
from obskit.console._sources import SourceError, Sources
from obskit.console._tracelist import found_traces, trace_rows
from obskit.console._window import Window

__all__ = ["IncidentPage", "IncidentsPage", "incident_rows"]

_COLOURS = {"triggered": "red", "acknowledged": "yellow", "resolved": "green"}
_BEFORE_S = 300.0
_EVIDENCE = 15


class IncidentsPage:
    """The list of incidents."""

    def __init__(self, page: Page, sources: Sources) -> None:
        self._page = page
        self._sources = sources
        self._page.reload = self.read

    def build(self) -> None:
        """Make the page; the incidents come after it is shown."""
        with frame("Incidents", self._page):
            self._content = ui.element("div").classes("panel")
        ui.timer(0.01, self.read, once=True)

    async def read(self) -> None:
        """Ask the pager."""
        self._content.clear()
        with self._content:
            try:
                answer = await self._sources.pager.get("/v1/incidents")
            except SourceError as error:
                problem(str(error), error.fix)
                return
            show(incident_rows(answer["incidents"]))


def incident_rows(incidents: Sequence[Mapping[str, Any]]) -> Html:
    """Return *incidents* as a table whose rows lead to them."""
    if not incidents:
        return tag("div", "No incident. Sleep well.", class_="empty")
    head = tag(
        "tr", join([tag("th", name) for name in ("", "Status", "Urgency", "Service", "Incident", "Since")])
    )
    rows = [
        tag(
            "tr",
            tag("td", link(each["id"], f"/incidents/{each['id']}")),
            tag("td", tag("span", each["status"], class_=f"chip {_COLOURS.get(each['status'], '')}")),
            tag("td", each["urgency"]),
            tag("td", str(each.get("service") or "")),
            tag("td", link(each["title"], f"/incidents/{each['id']}")),
            tag("td", _time(each["created_at"]), class_="faint"),
        )
        for each in incidents
    ]
    return tag("table", head, join(rows), class_="plain")


class IncidentPage:
    """One incident, with the evidence beside it."""

    def __init__(self, key: str, page: Page, sources: Sources, access: Access) -> None:
        self._key = key
        self._page = page
        self._sources = sources
        self._access = access

    async def build(self) -> None:
        """Make the page with everything on it."""
        with frame(f"Incident {self._key}", self._page, has_times=False):
            self._content = ui.element("div")
        await self.read()

    async def read(self) -> None:
        """Ask the pager for the incident, and the stores for its evidence."""
        self._content.clear()
        with self._content:
            try:
                incident = await self._sources.pager.get(f"/v1/incidents/{self._key}", fresh_s=0)
            except SourceError as error:
                problem(str(error), error.fix)
                return
            show(_head(incident))
            if incident["status"] != "resolved":
                self._buttons(incident)
            with ui.element("div").style(
                "display: grid; grid-template-columns: 1fr 1fr; gap: 12px; margin-top: 10px"
            ):
                show(_details(incident)).classes("panel")
                show(_timeline(incident)).classes("panel")
            await self._evidence(incident)

    def _buttons(self, incident: Mapping[str, Any]) -> None:
        with ui.row().style("gap: 8px; margin-top: 8px"):
            if incident["status"] == "triggered":
                ui.button("Acknowledge", on_click=lambda: self._press("acknowledge")).props(
                    "unelevated no-caps"
                )
            ui.button("Resolve", on_click=lambda: self._press("resolve")).props("outline no-caps")

    async def _press(self, verb: str) -> None:
        if not self._access.require(f"/incidents/{self._key}"):
            return
        path = f"/v1/incidents/{self._key}/{verb}"
        try:
            await self._sources.pager.send("POST", path, {"by": "console"}, self._access.token)
        except SourceError as error:
            ui.notify(f"{error} {error.fix}", type="negative")
            return
        await self.read()

    async def _evidence(self, incident: Mapping[str, Any]) -> None:
        """The lines and traces of the time when it began: where a cause is to be found."""
        begun = dt.datetime.fromisoformat(incident["created_at"]).timestamp()
        over = incident.get("resolved_at")
        end = dt.datetime.fromisoformat(over).timestamp() if over else dt.datetime.now(dt.UTC).timestamp()
        window = Window(begun - _BEFORE_S, max(end, begun + 1))
        times = {"from": f"{window.start * 1000:.0f}", "to": f"{window.end * 1000:.0f}"}
        query = '{service_name=~".+", level=~"warning|error|critical"}'
        _heading(
            "Warnings and errors of that time, the first ones first",
            f"/logs?{urlencode({**times, 'query': query})}",
        )
        try:
            lines = await lines_of(self._sources, query, window, limit=_EVIDENCE, oldest_first=True)
            nothing = tag("div", "No warning and no error was logged.", class_="empty")
            show(written(lines, self._page) if lines else nothing).classes("panel")
            _heading(
                "Failed traces of that time", f"/traces?{urlencode({**times, 'query': '{status=error}'})}"
            )
            traces = await found_traces(self._sources, "{status=error}", window, _EVIDENCE)
            nothing = tag("div", "No trace failed; look for slow ones.", class_="empty")
            show(trace_rows(traces, self._page) if traces else nothing).classes("panel")
        except SourceError as error:
            problem(str(error), error.fix)


def _heading(text: str, url: str) -> None:
    show(tag("div", tag("b", text), link("all", url, class_="more"), style="margin: 16px 0 6px"))


def _head(incident: Mapping[str, Any]) -> Html:
    return tag(
        "div",
        tag("span", incident["status"], class_=f"chip {_COLOURS.get(incident['status'], '')}"),
        tag("span", f"{incident['urgency']} urgency", class_="chip"),
        tag("span", incident["id"], class_="faint"),
        tag("div", incident["title"], style="font-size: 21px; font-weight: 650"),
        tag("div", f"{incident.get('service') or ''} since {_time(incident['created_at'])}", class_="faint"),
    )


def _details(incident: Mapping[str, Any]) -> Html:
    rows = [
        tag("tr", tag("td", name, class_="faint"), tag("td", str(value)))
        for name, value in (incident.get("details") or {}).items()
    ]
    onward = [link(each["text"], each["href"], class_="more") for each in incident.get("links") or []]
    return tag(
        "div", tag("div", join(onward), style="padding: 6px"), tag("table", join(rows), class_="plain")
    )


def _timeline(incident: Mapping[str, Any]) -> Html:
    rows = [
        tag(
            "tr",
            tag("td", _time(entry["at"]), class_="faint"),
            tag("td", entry["type"]),
            tag("td", entry["message"]),
        )
        for entry in incident.get("timeline") or []
    ]
    return tag("table", join(rows), class_="plain")


def _time(text: str) -> str:
    return f"{dt.datetime.fromisoformat(text).astimezone():%d %b %H:%M:%S}"
