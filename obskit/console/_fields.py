"""How one field of a panel is shown: the panel's defaults, changed by the overrides that match it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from obskit.console._model import Panel
from obskit.console._units import unit

__all__ = ["COLOURS", "Field", "colour_at", "field_of"]

COLOURS: Mapping[str, str] = {
    "green": "#3fa66b",
    "yellow": "#d9a514",
    "red": "#e0403f",
    "blue": "#3b82d6",
    "orange": "#e8853a",
    "purple": "#9061c9",
    "text": "",
    "transparent": "transparent",
}
"""Grafana's names of colours; ``text`` is the page's own."""

PALETTE = (
    "#3b82d6", "#e8853a", "#3fa66b", "#9061c9", "#d9a514", "#18a0a8", "#d6568c", "#7a8b30", "#6479b8", "#b0653a",
)  # fmt: skip
"""Told apart by people who do not see red and green as two colours; no red, which means trouble."""


def colour(name: str) -> str:
    """Return what CSS calls Grafana's colour *name*, shades such as ``dark-red`` included."""
    return COLOURS.get(name) or COLOURS.get(name.rpartition("-")[2], name)


@dataclass(frozen=True, slots=True)
class Field:
    """How a field is shown."""

    settings: Mapping[str, Any]

    @property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        """The steps of its thresholds, the lowest first."""
        steps: Sequence[Mapping[str, Any]] = self.settings.get("thresholds", {}).get("steps", [])
        return steps

    def text(self, value: float | None) -> str:
        """Return *value* as the field is read: mapped, or with its unit."""
        for mapping in self.settings.get("mappings", []) or []:
            found = _mapped(mapping, value)
            if found is not None:
                return str(found.get("text", value))
        if value is None and self.settings.get("noValue"):
            return str(self.settings["noValue"])
        return unit(self.settings.get("unit")).text(value, self.settings.get("decimals"))

    def colour(self, value: float | None) -> str:
        """Return the colour of *value* by mappings and thresholds; empty for the page's own."""
        for mapping in self.settings.get("mappings", []) or []:
            found = _mapped(mapping, value)
            if found is not None and found.get("color"):
                return colour(found["color"])
        return colour_at(self.steps, value)

    @property
    def fixed(self) -> str:
        """The one colour that the field has, or nothing."""
        chosen = self.settings.get("color", {})
        return colour(chosen["fixedColor"]) if chosen.get("mode") == "fixed" else ""


def _mapped(mapping: Mapping[str, Any], value: float | None) -> Mapping[str, Any] | None:
    options = mapping.get("options", {})
    result: Mapping[str, Any] | None = None
    if mapping["type"] == "value":
        result = options.get("null" if value is None else f"{value:g}")
    elif mapping["type"] == "range" and value is not None:
        low, high = options.get("from"), options.get("to")
        inside = (low is None or value >= low) and (high is None or value <= high)
        result = options.get("result") if inside else None
    elif mapping["type"] == "special" and options.get("match") in {"null", "null+nan"} and value is None:
        result = options.get("result")
    return result


def colour_at(steps: Sequence[Mapping[str, Any]], value: float | None) -> str:
    """Return the colour of the highest of *steps* that *value* reaches; empty for the page's own."""
    if value is None or not steps:
        return ""
    reached = [step for step in steps if step.get("value") is None or value >= step["value"]]
    return colour(reached[-1]["color"]) if reached else ""


def field_of(panel: Panel, name: str, ref: str = "") -> Field:
    """Return how the field *name*, asked for by the target *ref*, is shown."""
    settings: dict[str, Any] = dict(panel.defaults)
    for override in panel.overrides:
        if _matches(override["matcher"], name, ref):
            settings.update({item["id"]: item["value"] for item in override["properties"]})
    return Field(settings)


def _matches(matcher: Mapping[str, Any], name: str, ref: str) -> bool:
    wanted = matcher.get("options", "")
    if matcher["id"] == "byFrameRefID":
        return bool(wanted == ref)
    if matcher["id"] == "byRegexp":
        return re.search(str(wanted).strip("/"), name) is not None
    return bool(wanted == name)
