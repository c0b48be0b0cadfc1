"""Alerts: what fires, what is about to, and the rules behind them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from obskit.console._access import Access
from obskit.console._html import Html, join, link, show, tag
from obskit.console._shell import Page, frame, problem
from obskit.console._sources import SourceError, Sources

__all__ = ["AlertsPage"]

_ORDER = {"firing": 0, "pending": 1, "inactive": 2}
_COLOURS = {"firing": "red", "pending": "yellow", "inactive": "green"}
_SILENCE_H = 2


class AlertsPage:
    """One open page of alerts."""

    def __init__(self, page: Page, sources: Sources, access: Access) -> None:
        self._page = page
        self._sources = sources
        self._access = access
        self._page.reload = self.read

    def build(self) -> None:
        """Make the page; what fires comes after it is shown."""
        with frame("Alerts", self._page):
            self._content = ui.element("div")
        ui.timer(0.01, self.read, once=True)

    async def read(self) -> None:
        """Ask Prometheus for the rules and Alertmanager for the silences."""
        try:
            answer = await self._sources.prometheus.get("/api/v1/rules", (("type", "alert"),))
            silences = await self._sources.alertmanager.get("/api/v2/silences")
        except SourceError as error:
            self._content.clear()
            with self._content:
                problem(str(error), error.fix)
            return
        rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        rules.sort(key=lambda rule: (_ORDER.get(rule["state"], 3), rule["name"]))
        self._content.clear()
        with self._content:
            self._firing(rules)
            self._silences([silence for silence in silences if silence["status"]["state"] != "expired"])
            ui.label("All rules").style("font-weight: 650; margin: 18px 0 6px")
            show(_rules(rules)).classes("panel")

    def _firing(self, rules: Sequence[Mapping[str, Any]]) -> None:
        alerts = [
            (rule, alert)
            for rule in rules
            for alert in rule.get("alerts", [])
            if rule["labels"].get("severity") != "none"
        ]
        ui.label("Now").style("font-weight: 650; margin: 4px 0 6px")
        if not alerts:
            show(tag("div", "Nothing fires, and nothing is about to.", class_="empty")).classes("panel")
        for rule, alert in alerts:
            with ui.element("div").classes("panel").style("padding: 8px 12px; margin-bottom: 8px"):
                show(_alert(rule, alert))
                labels = dict(alert["labels"])
                ui.button(
                    f"Silence for {_SILENCE_H} h", on_click=lambda _, labels=labels: self._silence(labels)
                ).props("flat dense no-caps size=sm").style("align-self: flex-start")

    def _silences(self, silences: Sequence[Mapping[str, Any]]) -> None:
        if not silences:
            return
        ui.label("Silences").style("font-weight: 650; margin: 18px 0 6px")
        with ui.element("div").classes("panel"):
            for silence in silences:
                with ui.row().classes("items-center").style("padding: 4px 12px"):
                    matchers = ", ".join(f"{each['name']}={each['value']}" for each in silence["matchers"])
                    ui.label(matchers).classes("mono")
                    ui.label(f"until {_time(silence['endsAt'])}, by {silence['createdBy']}").classes("faint")
                    ui.button("End", on_click=lambda _, key=silence["id"]: self._end(key)).props(
                        "flat dense no-caps size=sm"
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


def _alert(rule: Mapping[str, Any], alert: Mapping[str, Any]) -> Html:
    notes = alert["annotations"]
    labels = alert["labels"]
    onward = [
        link(text, notes[name], class_="more")
        for name, text in (("dashboard_url", "Board"), ("logs_url", "Logs"), ("runbook_url", "Runbook"))
        if name in notes
    ]
    return tag(
        "div",
        tag("span", alert["state"], class_=f"chip {_COLOURS.get(alert['state'], '')}"),
        tag("span", labels.get("severity", ""), class_="chip faint"),
        tag("b", notes.get("summary", rule["name"])),
        tag("div", notes.get("description", "")),
        tag("div", tag("b", "Do: "), tag("span", notes.get("action", ""))),
        tag(
            "div",
            tag("span", f"{rule['name']} since {_time(alert['activeAt'])}", class_="faint"),
            join(onward),
        ),
    )


def _rules(rules: Sequence[Mapping[str, Any]]) -> Html:
    head = tag(
        "tr", join([tag("th", name) for name in ("State", "Alert", "Severity", "Pages when", "Runbook")])
    )
    return tag("table", head, join([_rule(rule) for rule in rules]), class_="plain")


def _rule(rule: Mapping[str, Any]) -> Html:
    notes = rule["annotations"]
    wait = f"for {rule['duration']:g} s: " if rule["duration"] else ""
    window = rule["labels"].get("long_window", "")
    return tag(
        "tr",
        tag("td", tag("span", rule["state"], class_=f"chip {_COLOURS.get(rule['state'], '')}")),
        tag("td", f"{rule['name']} {window}"),
        tag("td", rule["labels"].get("severity", "")),
        tag("td", wait, tag("span", rule["query"], class_="mono faint")),
        tag("td", link("open", notes.get("runbook_url", ""))),
    )


def _time(text: str) -> str:
    at = dt.datetime.fromisoformat(text).astimezone()
    return f"{at:%d %b %H:%M:%S}"
