"""House rules about a panel: what it says, its unit, its thresholds, where it leads."""

import re
from collections.abc import Iterator

from obskit.boards._limits import alerts, limit_values, slow_after_s
from obskit.boards._links import RUNBOOKS
from obskit.boards._model import JSON, Breach
from obskit.boards._names import is_histogram
from obskit.boards._read import data_links, data_panels, explored
from obskit.boards._sdk import units
from obskit.boards._thresholds import STATUS_COLOURS

__all__ = ["RULES"]

_FACTORY = 80
_LATENCY_CALCS = {"mean", "max", "lastNotNull"}
_JUDGED_UNITS = ("percentunit", "s")
_WORD = re.compile(r"[a-zA-Z_:][\w:]*")
_PARTS = ("**Normal:** ", "**If not:** ")
_UNITS = frozenset(
    value for name, value in vars(units).items() if name[0].isupper() and isinstance(value, str)
)


def _on(panel: JSON, what: str, fix: str) -> Breach:
    return Breach(what, fix, panel.get("title", ""))


def explains(board: JSON) -> Iterator[Breach]:
    """Rule 4: each panel has a title, and says what it shows, what is normal and what to do."""
    for panel in data_panels(board):
        if not panel.get("title"):
            yield _on(panel, "It has no title.", "Give it a noun or a question.")
        text = panel.get("description", "")
        if not all(part in text for part in _PARTS):
            what = "Its description lacks what is normal or what to do."
            yield _on(panel, what, "Describe it with About(what, normal, act).")


def measures(board: JSON) -> Iterator[Breach]:
    """Rule 4: each panel with numbers has a unit that Grafana knows, and starts at 0."""
    for panel in _with_numbers(board):
        defaults = panel["fieldConfig"]["defaults"]
        unit = defaults.get("unit", "")
        if unit not in _UNITS and not unit.startswith("suffix:"):
            yield _on(panel, f"Its unit is {unit!r}.", "Use one of Grafana's units.")
        if defaults.get("min") != 0:
            yield _on(panel, "Its axis need not start at 0.", "Set min to 0.")


def thresholds(board: JSON) -> Iterator[Breach]:
    """Rules 4 and 10: a threshold is a limit that an alert watches, or there is none."""
    known = {*limit_values(), slow_after_s()}
    for panel in _with_numbers(board):
        for unit, steps in _steps(panel):
            if steps is None:
                what = "It writes no thresholds, so Grafana puts its own there."
                yield _on(panel, what, "Write the steps, even if there is only the base.")
                continue
            values = [step["value"] for step in steps if step.get("value") is not None]
            if _FACTORY in values:
                yield _on(panel, "It has Grafana's own 80.", "Name a limit or none.")
            for value in values:
                if unit in _JUDGED_UNITS and value not in known:
                    what = f"{value!r} is not a limit of any alert."
                    yield _on(panel, what, "Take it from limits() or slow_after_s().")


def _steps(panel: JSON) -> Iterator[tuple[str, list[JSON] | None]]:
    config = panel["fieldConfig"]
    yield config["defaults"].get("unit", ""), config["defaults"].get("thresholds", {}).get("steps")
    for override in config.get("overrides", []):
        properties = {item["id"]: item.get("value") for item in override["properties"]}
        if "thresholds" in properties:
            yield properties.get("unit", ""), properties["thresholds"]["steps"]


def leads_on(board: JSON) -> Iterator[Breach]:
    """Rule 5: every panel leads on; requests and messages to their logs and traces, a row to a board."""
    for panel in data_panels(board):
        if not data_links(panel) and not panel.get("links"):
            yield _on(panel, "It leads nowhere.", "Give it links, runbooks or boards in Onward().")
    for panel in _with_numbers(board):
        kinds = set()
        for link in data_links(panel):
            try:
                opened = explored(link)
            except (ValueError, KeyError, IndexError) as error:
                what = f"Explore cannot read the link {link.get('title')!r} ({error})."
                yield _on(panel, what, "Make it with logs_link() or traces_link().")
                continue
            kinds |= {opened[0]} if opened else set()
        if _is_about_events(panel):
            for missing in sorted({"loki", "tempo"} - kinds):
                what = f"No click leads to {'logs' if missing == 'loki' else 'traces'}."
                yield _on(panel, what, "Add logs_link() and traces_link() to its links.")
        if panel["type"] == "table" and not any("/d/" in link["url"] for link in data_links(panel)):
            yield _on(panel, "No row opens a board.", "Add a BoardLink with row() to its links.")


def runbooks(board: JSON) -> Iterator[Breach]:
    """Rule 5: a panel that draws an alert's limit opens the alert's runbook, and that exists."""
    limited = set(limit_values())
    for panel in _with_numbers(board):
        named = [link["url"] for link in panel.get("links", [])]
        books = [url.removeprefix(f"{RUNBOOKS}/") for url in named if url.startswith(f"{RUNBOOKS}/")]
        for book in books:
            if book not in alerts():
                yield _on(panel, f"{book!r} is not an alert.", "Name one of alerts/.")
        values = {step.get("value") for _, steps in _steps(panel) for step in steps or ()}
        if values & limited and not books:
            what = "It draws the limit of an alert and does not open the alert's runbook."
            yield _on(panel, what, "Name the alert in Onward(runbooks=...).")


def readable(board: JSON) -> Iterator[Breach]:
    """Rule 10: graphs have a table as legend and one tooltip for all lines, and no flickering series."""
    for panel in data_panels(board):
        if panel["type"] != "timeseries":
            continue
        legend, tooltip = panel["options"].get("legend", {}), panel["options"].get("tooltip", {})
        if not legend.get("showLegend") or legend.get("displayMode") != "table" or not legend.get("calcs"):
            yield _on(panel, "Its legend is not a table.", "Draw it with graph() or latency().")
        unit = panel["fieldConfig"]["defaults"].get("unit")
        if unit == "s" and _is_about_events(panel) and not set(legend.get("calcs", [])) >= _LATENCY_CALCS:
            what = "A duration's legend lacks mean, max or last."
            yield _on(panel, what, "Draw it with latency().")
        if tooltip.get("mode") != "multi":
            yield _on(panel, "Its tooltip shows one line only.", "Set it to multi.")
        if any("topk" in target["expr"] or "bottomk" in target["expr"] for target in panel["targets"]):
            what = "topk chooses other series at each step, so lines flicker."
            yield _on(panel, what, "Show them in a table.")


def colours(board: JSON) -> Iterator[Breach]:
    """Rule 10: a class of status has the same colour everywhere."""
    for panel in data_panels(board):
        if not any("{{class}}" in target.get("legendFormat", "") for target in panel["targets"]):
            continue
        fixed = {}
        for override in panel["fieldConfig"].get("overrides", []):
            for item in override["properties"]:
                if item["id"] == "color":
                    fixed[override["matcher"]["options"]] = item["value"].get("fixedColor")
        if {name: fixed.get(name) for name in STATUS_COLOURS} != STATUS_COLOURS:
            yield _on(panel, "Status classes have other colours.", "Use status_stack().")


def _with_numbers(board: JSON) -> Iterator[JSON]:
    return (panel for panel in data_panels(board) if panel.get("datasource", {}).get("type") == "prometheus")


def _is_about_events(panel: JSON) -> bool:
    """Whether the panel counts or times requests or messages, which have logs and traces."""
    # By its words, not by its syntax: what is not PromQL is reported by another rule.
    words = (word for target in panel["targets"] for word in _WORD.findall(target.get("expr", "")))
    return any(is_histogram(word) for word in words)


RULES = {
    "description": explains,
    "unit": measures,
    "thresholds": thresholds,
    "links": leads_on,
    "runbooks": runbooks,
    "legend": readable,
    "colours": colours,
}
