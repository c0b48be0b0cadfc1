"""Incidents: who is hurt, what to do, the evidence, and who is on it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from nicegui import ui

from obskit.console._access import Access
from obskit.console._evidence import failed_traces, logged
from obskit.console._html import Html, join, link, show, tag
from obskit.console._links import local
from obskit.console._shell import Page, Place, frame, troubled
from obskit.console._sources import SourceError, Sources
from obskit.console._window import Window

__all__ = ["IncidentPage", "IncidentsPage", "change_rows", "incident_rows"]

_COLOURS = {"triggered": "red", "acknowledged": "yellow", "resolved": "green"}
_BEFORE_S = 300.0
_OFTEN_S = 5.0
_LONGEST_NOTE = 2000
_FIRST = ("firing", "impact", "action")
_ELSEWHERE = frozenset({"firing_alerts", "num_firing", "num_resolved", "runbook", "service_name"})
"""What the head, the links or the timeline say already."""


class IncidentsPage:
    """The list of incidents."""

    def __init__(self, page: Page, sources: Sources) -> None:
        self._page = page
        self._sources = sources
        self._page.reload = self.read

    def build(self) -> None:
        """Make the page; the incidents come after it is shown."""
        with frame("Incidents", self._page, has_times=False):
            self._content = Place()
        self._page.often(_OFTEN_S)

    async def read(self) -> None:
        """Ask the pager."""
        await self._content.put_later(self._answer)

    async def _answer(self) -> Html:
        answer = await self._sources.pager.get("/v1/incidents")
        return incident_rows(answer["incidents"])


def incident_rows(incidents: Sequence[Mapping[str, Any]]) -> Html:
    """Return *incidents* as a table whose rows lead to them."""
    if not incidents:
        return tag("div", "No incident. Sleep well.", class_="empty")
    names = ("", "Status", "Urgency", "Service", "Incident", "Since")
    head = tag("tr", join([tag("th", name) for name in names]))
    return tag("table", head, join([_row(each) for each in incidents]), class_="plain")


def _row(incident: Mapping[str, Any]) -> Html:
    address = f"/incidents/{quote(str(incident['id']), safe='')}"
    return tag(
        "tr",
        tag("td", link(incident["id"], address)),
        tag("td", tag("span", incident["status"], class_=f"chip {_COLOURS.get(incident['status'], '')}")),
        tag("td", incident["urgency"]),
        tag("td", str(incident.get("service") or "")),
        tag("td", link(incident["title"], address)),
        tag("td", _time(incident["created_at"]), class_="faint"),
    )


class IncidentPage:
    """One incident, with the evidence beside it."""

    def __init__(self, key: str, page: Page, sources: Sources, access: Access) -> None:
        self._key = key
        self._page = page
        self._sources = sources
        self._access = access
        self._path = f"/v1/incidents/{quote(key, safe='')}"
        self._offered = ("", "")

    def build(self) -> None:
        """Make the page; what it tells comes after it is shown."""
        with frame(f"Incident {self._key}", self._page, has_times=False):
            self._head = Place(classes="")
            self._actions = ui.row().style("gap: 8px; margin-top: 8px")
            with ui.element("div").classes("two"):
                self._details = Place()
                with ui.element("div").classes("panel"):
                    self._note_line()
                    self._timeline = Place(classes="course-of")
            self._lines_head, self._lines = show(Html("")).classes("heading"), Place()
            self._traces_head, self._traces = show(Html("")).classes("heading"), Place()
        self._page.reload = self.read
        self._page.often(_OFTEN_S)

    def _note_line(self) -> None:
        with ui.row().classes("items-center no-wrap").style("gap: 8px; padding: 6px 10px"):
            self._note = ui.input(placeholder="What you found or did, for those who read this next")
            self._note.props(f"dense outlined maxlength={_LONGEST_NOTE} aria-label='Note'").style("flex: 1")
            self._note.on("keydown.enter", self._add_note)
            ui.button("Add note", on_click=self._add_note).props("outline no-caps dense")

    async def read(self) -> None:
        """Ask the pager for the incident, and the stores for its evidence."""
        try:
            incident = await self._sources.pager.get(self._path, fresh_s=0)
        except SourceError as error:
            self._head.put(troubled(str(error), error.fix))
            for place in (self._details, self._timeline, self._lines, self._traces):
                place.put(tag("div", "-", class_="empty"))
            return
        self._head.put(_head(incident))
        self._details.put(_details(incident))
        self._timeline.put(_timeline(incident))
        offered = incident["status"], incident["urgency"]
        if offered != self._offered and not self._actions.is_deleted:
            self._offered = offered
            self._buttons(*offered)
        await self._evidence(incident)

    def _buttons(self, status: str, urgency: str) -> None:
        self._actions.clear()
        with self._actions:
            if status == "triggered":
                self._button("Acknowledge", "acknowledge", "unelevated")
            if status != "resolved":
                self._button("Resolve", "resolve", "outline")
                if urgency == "high":
                    self._button("Escalate", "escalate", "outline")
            address = f"{self._sources.urls.pager}{self._path}.md"
            show(link("Export as Markdown", address, class_="more", target="_blank", rel="noopener"))

    def _button(self, text: str, verb: str, looks: str) -> None:
        ui.button(text, on_click=lambda: self._press(verb)).props(f"{looks} no-caps")

    async def _add_note(self) -> None:
        text = self._note.value.strip()
        if text and await self._press("note", text=text):
            self._note.set_value("")

    async def _press(self, verb: str, **more: str) -> bool:
        """Ask the pager; tell whether it did as asked."""
        if not self._access.require(f"/incidents/{quote(self._key, safe='')}"):
            return False
        is_done = True
        try:
            body = {"by": "console", **more}
            await self._sources.pager.send("POST", f"{self._path}/{verb}", body, self._access.token)
        except SourceError as error:
            is_done = False
            ui.notify(f"{error} {error.fix}", type="negative")
        await self.read()
        return is_done

    async def _evidence(self, incident: Mapping[str, Any]) -> None:
        window = _window_of(incident)
        times = {"from": f"{window.start * 1000:.0f}", "to": f"{window.end * 1000:.0f}"}
        query = '{service_name=~".+", level=~"warning|error|critical"}'
        address = f"/logs?{urlencode({**times, 'query': query})}"
        self._lines_head.set_content(_heading("Warnings and errors of that time", address))
        await self._lines.put_later(lambda: logged(self._sources, window, self._page))
        try:
            text, query, rows = await failed_traces(self._sources, window, self._page)
        except SourceError as error:
            self._traces.put(troubled(str(error), error.fix))
            return
        self._traces_head.set_content(_heading(text, f"/traces?{urlencode({**times, 'query': query})}"))
        self._traces.put(rows)


def _window_of(incident: Mapping[str, Any]) -> Window:
    """Return the time from a little before the incident to its end."""
    begun = dt.datetime.fromisoformat(incident["created_at"]).timestamp()
    ended = incident.get("resolved_at")
    end = dt.datetime.fromisoformat(ended) if ended else dt.datetime.now(dt.UTC)
    return Window(begun - _BEFORE_S, max(end.timestamp(), begun + 1))


def _heading(text: str, url: str) -> Html:
    return tag("div", tag("b", text), link("all", url, class_="more"))


def _head(incident: Mapping[str, Any]) -> Html:
    since = f"{incident.get('service') or ''} since {_time(incident['created_at'])}{_next(incident)}"
    return tag(
        "div",
        tag("span", incident["status"], class_=f"chip {_COLOURS.get(incident['status'], '')}"),
        tag("span", f"{incident['urgency']} urgency", class_="chip"),
        tag("span", incident["id"], class_="faint"),
        tag("div", incident["title"], style="font-size: 21px; font-weight: 650"),
        tag("div", since, class_="faint"),
    )


def _next(incident: Mapping[str, Any]) -> str:
    """Say who acknowledged it, or when the next people are told."""
    if incident["status"] == "acknowledged" and incident.get("acknowledged_by"):
        return f" · acknowledged by {incident['acknowledged_by']}"
    escalation = incident.get("escalation") or {}
    if incident["status"] != "triggered" or not escalation.get("next_at"):
        return ""
    level = f"level {escalation.get('level')} of {escalation.get('levels')}"
    return f" · {level}, escalates at {_time(escalation['next_at'])} unless acknowledged"


def _details(incident: Mapping[str, Any]) -> Html:
    details = dict(incident.get("details") or {})
    ordered = {name: details[name] for name in (*_FIRST, *details) if name in details}
    rows = [
        tag("tr", tag("td", name, class_="faint whole"), tag("td", str(value)))
        for name, value in ordered.items()
        if name not in _ELSEWHERE and value
    ]
    onward = [link(each["text"], local(each["href"]), class_="more") for each in incident.get("links") or []]
    return tag(
        "div",
        tag("div", join(onward), style="padding: 6px"),
        tag("table", join(rows), class_="plain"),
        *_changes(incident.get("changes") or []),
    )


def _changes(changes: Sequence[Mapping[str, Any]]) -> list[Html]:
    """Return the deploys and other changes before and during an incident, which often began it."""
    if not changes:
        return []
    head = tag("div", "Changes before and during it", class_="faint", style="padding: 8px 10px 2px")
    return [head, change_rows(changes)]


def change_rows(changes: Sequence[Mapping[str, Any]]) -> Html:
    """Return change events as a table."""
    rows = [
        tag(
            "tr",
            tag("td", _time(change["at"]), class_="faint whole"),
            tag("td", str(change.get("source") or ""), class_="faint whole"),
            tag("td", str(change["summary"]), join([_onward(each) for each in change.get("links") or []])),
        )
        for change in changes
    ]
    return tag("table", join(rows), class_="plain")


def _onward(each: Mapping[str, Any]) -> Html:
    return link(str(each["text"]), local(str(each["href"])), class_="more")


def _timeline(incident: Mapping[str, Any]) -> Html:
    rows = [
        tag(
            "tr",
            tag("td", _time(entry["at"]), class_="faint whole"),
            tag("td", entry["type"].replace("_", " "), class_="whole"),
            tag("td", entry["message"]),
        )
        for entry in reversed(incident.get("timeline") or [])  # what is new stands first
    ]
    return tag("table", join(rows), class_="plain")


def _time(text: str) -> str:
    return f"{dt.datetime.fromisoformat(text).astimezone():%d %b %H:%M:%S}"
