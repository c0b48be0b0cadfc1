"""Alerts: what fires, what is about to, and the rules behind them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from obskit.console._access import Access
from obskit.console._alertlist import alert_row, alerts_of, rule_table, rules_of, spoken_time
from obskit.console._html import show, tag
from obskit.console._shell import Page, frame, heading, problem
from obskit.console._sources import SourceError, Sources

__all__ = ["AlertsPage"]

_SILENCE_H = 2
_OFTEN_S = 5.0


class AlertsPage:
    """One open page of alerts."""

    def __init__(self, page: Page, sources: Sources, access: Access) -> None:
        self._page = page
        self._sources = sources
        self._access = access
        self._page.reload = self.read
        self._shown: object = None

    def build(self) -> None:
        """Make the page; what fires comes after it is shown."""
        with frame("Alerts", self._page, has_times=False):
            self._content = ui.element("div")
            with self._content:
                show(tag("div", "reading", class_="empty"))
        self._page.often(_OFTEN_S)

    async def read(self) -> None:
        """Ask Prometheus for the rules and Alertmanager for the silences."""
        try:
            rules = await rules_of(self._sources)
            silences = await self._sources.alertmanager.get("/api/v2/silences", fresh_s=0)
        except SourceError as error:
            self._shown = None
            self._content.clear()
            with self._content:
                problem(str(error), error.fix)
            return
        live = [silence for silence in silences if silence["status"]["state"] != "expired"]
        # Rules tell when they were evaluated, too, which is no news.
        shown = ([(rule["name"], rule["state"], rule.get("alerts")) for rule in rules], live)
        if not self._content.is_deleted and shown != self._shown:
            self._shown = shown
            self._put(rules, live)

    def _put(self, rules: Sequence[Mapping[str, Any]], silences: Sequence[Mapping[str, Any]]) -> None:
        self._content.clear()
        with self._content:
            self._firing(rules)
            self._silences(silences)
            heading("All rules")
            show(rule_table(rules)).classes("panel")

    def _firing(self, rules: Sequence[Mapping[str, Any]]) -> None:
        alerts = alerts_of(rules)
        heading("Now")
        if not alerts:
            show(tag("div", "Nothing fires, and nothing is about to.", class_="empty")).classes("panel")
        for firing in alerts:
            with ui.element("div").classes("panel").style("padding: 8px 12px; margin-bottom: 8px"):
                show(alert_row(firing))
                labels = {"alertname": firing.rule["name"], **_about(firing.alert["labels"])}
                ui.button(
                    f"Silence for {_SILENCE_H} h", on_click=lambda _, labels=labels: self._silence(labels)
                ).props("outline dense no-caps").style("align-self: flex-start; margin-top: 6px")

    def _silences(self, silences: Sequence[Mapping[str, Any]]) -> None:
        if not silences:
            return
        heading("Silences")
        with ui.element("div").classes("panel"):
            for silence in silences:
                with ui.row().classes("items-center").style("padding: 4px 12px"):
                    matchers = ", ".join(f"{each['name']}={each['value']}" for each in silence["matchers"])
                    ui.label(matchers).classes("mono")
                    ui.label(f"until {spoken_time(silence['endsAt'])}, by {silence['createdBy']}").classes(
                        "faint"
                    )
                    ui.button("End", on_click=lambda _, key=silence["id"]: self._end(key)).props(
                        "outline dense no-caps"
                    )

    async def _silence(self, labels: Mapping[str, str]) -> None:
        now = dt.datetime.now(dt.UTC)
        body = {
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True}
                for name, value in labels.items()
            ],
            "startsAt": now.isoformat(),
            "endsAt": (now + dt.timedelta(hours=_SILENCE_H)).isoformat(),
            "createdBy": "console",
            "comment": "silenced in the console",
        }
        await self._change("POST", "/api/v2/silences", body)

    async def _end(self, key: str) -> None:
        await self._change("DELETE", f"/api/v2/silence/{key}", {})

    async def _change(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        if not self._access.require(self._page.address()):
            return
        try:
            await self._sources.alertmanager.send(method, path, body)
        except SourceError as error:
            ui.notify(f"{error} {error.fix}", type="negative")
            return
        await self.read()


def _about(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Return the labels to silence an alert by: whom it is about, whatever the window; else all it has."""
    return {"service_name": labels["service_name"]} if "service_name" in labels else labels
