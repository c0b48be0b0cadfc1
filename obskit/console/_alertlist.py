"""Alerts as people read them: what fires, since when, and what to do."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from obskit.console._html import Html, join, link, tag
from obskit.console._links import local
from obskit.console._sources import Sources

__all__ = ["Firing", "alert_list", "alert_row", "alerts_of", "rule_table", "rules_of", "spoken_time"]

_ORDER = {"firing": 0, "pending": 1, "inactive": 2}
_COLOURS = {"firing": "red", "pending": "yellow", "inactive": "green"}

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Firing:
    """The alerts of one name about one service; those over other windows say the same once more."""

    rule: Rule
    alert: Rule
    """The first: firing before pending, the shortest window before longer ones."""
    others: tuple[str, ...]
    """The windows of the others."""


async def rules_of(sources: Sources) -> list[Rule]:
    """Return the alerting rules as Prometheus has them, the firing ones first.

    Raises:
        SourceError: Prometheus cannot be asked.
    """
    answer = await sources.prometheus.get("/api/v1/rules", (("type", "alert"),))
    rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
    return sorted(rules, key=lambda rule: (_ORDER.get(rule["state"], 3), rule["name"]))


def alerts_of(rules: Sequence[Rule]) -> list[Firing]:
    """Return what of *rules* fires or is about to; heartbeats are left out."""
    found: dict[tuple[str, str], list[tuple[Rule, Rule]]] = {}
    for rule in rules:
        for alert in rule.get("alerts", []) if rule["labels"].get("severity") != "none" else []:
            key = rule["name"], alert["annotations"].get("summary", alert["labels"].get("service_name", ""))
            found.setdefault(key, []).append((rule, alert))
    return [
        Firing(
            *same[0], tuple(filter(None, (alert["labels"].get("long_window", "") for _, alert in same[1:])))
        )
        for same in found.values()
    ]


def alert_list(rules: Sequence[Rule]) -> Html:
    """Return the alerts of *rules* one below the other."""
    found = alerts_of(rules)
    if not found:
        return tag("div", "Nothing fires, and nothing is about to.", class_="empty")
    return tag("div", join([tag("div", alert_row(each), class_="alert") for each in found]), class_="fills")


def alert_row(firing: Firing) -> Html:
    """Return what one alert says."""
    rule, alert = firing.rule, firing.alert
    notes, labels = alert["annotations"], alert["labels"]
    onward = [
        link(text, local(notes[name]), class_="more")
        for name, text in (("dashboard_url", "Board"), ("logs_url", "Logs"), ("runbook_url", "Runbook"))
        if name in notes
    ]
    since = f"{rule['name']} since {spoken_time(alert['activeAt'])}"
    since += f", over {', '.join(firing.others)} too" if firing.others else ""
    return tag(
        "div",
        tag("span", alert["state"], class_=f"chip {_COLOURS.get(alert['state'], '')}"),
        tag("span", labels.get("severity", ""), class_="chip faint"),
        tag("b", notes.get("summary", rule["name"])),
        tag("div", notes.get("description", "")),
        tag("div", tag("b", "Do: "), tag("span", notes["action"])) if notes.get("action") else None,
        tag("div", tag("span", since, class_="faint"), join(onward)),
    )


def rule_table(rules: Sequence[Rule]) -> Html:
    """Return all *rules* as a table."""
    names = ("State", "Alert", "Severity", "Pages when", "Runbook")
    head = tag("tr", join([tag("th", name) for name in names]))
    return tag("table", head, join([_rule(rule) for rule in rules]), class_="plain")


def _rule(rule: Rule) -> Html:
    notes = rule["annotations"]
    wait = f"for {rule['duration']:g} s: " if rule["duration"] else ""
    return tag(
        "tr",
        tag("td", tag("span", rule["state"], class_=f"chip {_COLOURS.get(rule['state'], '')}")),
        tag("td", f"{rule['name']} {rule['labels'].get('long_window', '')}", class_="whole"),
        tag("td", rule["labels"].get("severity", "")),
        tag("td", wait, tag("span", rule["query"], class_="mono faint")),
        tag("td", link("open", notes["runbook_url"]) if "runbook_url" in notes else None),
    )


def spoken_time(text: str) -> str:
    """Return an RFC 3339 time as the local day and time."""
    return f"{dt.datetime.fromisoformat(text).astimezone():%d %b %H:%M:%S}"
