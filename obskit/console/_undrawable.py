"""What of a board the console would leave out, or would draw so that it reads differently.

Looks alone, such as how round a line is, are no such thing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from obskit.console._model import JSON, PANELS, Board, Panel, Variable, kind_of
from obskit.console._units import UnknownUnitError, unit

__all__ = ["undrawable"]

_TRANSFORMATIONS = frozenset({"labelsToFields", "limit", "merge", "organize", "sortBy"})
"""Those that the console makes, in tables."""
_MATCHERS = frozenset({"byFrameRefID", "byName", "byRegexp"})
_MAPPINGS = frozenset({"range", "value"})
_NULLS = frozenset({"null", "null+nan"})
_PROPERTIES = frozenset(
    {
        "color",
        "custom.cellOptions",
        "custom.fillOpacity",
        "custom.lineStyle",
        "custom.lineWidth",
        "custom.width",
        "decimals",
        "displayName",
        "links",
        "mappings",
        "max",
        "min",
        "noValue",
        "thresholds",
        "unit",
    }
)
"""Properties of a field override that the console follows."""
_SOURCES = frozenset({"alertmanager", "loki", "prometheus", "tempo"})
_VARIABLES = frozenset({"constant", "custom", "datasource", "interval", "query"})
_ACCEPTED: Mapping[str, tuple[Any, ...]] = {
    "repeat": (None, ""),
    "timeFrom": (None, ""),
    "timeShift": (None, ""),
    "options.calculate": (False,),
    "options.mode": ("markdown",),
    "options.reduceOptions.calcs": (["lastNotNull"], ["last"], []),
    "options.reduceOptions.values": (False,),
    "options.textMode": ("auto", "value_and_name"),
    "fieldConfig.defaults.custom.axisPlacement": ("auto", "left"),
    "fieldConfig.defaults.custom.drawStyle": ("bars", "line"),
    "fieldConfig.defaults.custom.stacking.mode": ("none", "normal"),
    "fieldConfig.defaults.thresholds.mode": ("absolute",),
}
"""What a setting may say, where the console knows less than Grafana; one that is not there is as good."""


def undrawable(board: Board) -> list[str]:
    """Name everything of *board* that the console would leave out or draw differently; empty is good."""
    found = [*_variables(board), *_annotations(board)]
    for panel in board.panels:
        found += [f"panel {panel.title or panel.id}: {what}" for what in _undrawable(panel)]
    return found


def _variables(board: Board) -> Iterator[str]:
    for item in board.json.get("templating", {}).get("list", []):
        variable = Variable(item)
        named = f"variable {variable.name}"
        if variable.type not in _VARIABLES:
            yield f"{named}: the type {variable.type!r}"
        elif variable.type == "query":
            if not variable.query.startswith("label_values("):
                yield f"{named}: the query {variable.query!r}"
            if item.get("regex"):
                yield f"{named}: the pattern {item['regex']!r}"


def _annotations(board: Board) -> Iterator[str]:
    for item in board.json.get("annotations", {}).get("list", []):
        is_wanted = item.get("enable") and not item.get("builtIn")
        if is_wanted and item not in board.annotations:
            yield f"annotation {item.get('name')}: the data source {kind_of(item.get('datasource'))!r}"


def _undrawable(panel: Panel) -> Iterator[str]:
    if panel.type not in PANELS:
        yield f"the type {panel.type!r}"
    for transformation in panel.json.get("transformations", []):
        if transformation["id"] not in _TRANSFORMATIONS or panel.type != "table":
            yield f"the transformation {transformation['id']!r}"
    for target in panel.targets:
        if target.source not in _SOURCES:
            yield f"the data source {target.source!r}"
    for path, accepted in _ACCEPTED.items():
        value = _at(panel.json, path)
        if value is not None and value not in accepted:
            yield f"{path.removeprefix('fieldConfig.defaults.')} {value!r}"
    yield from _unknown_unit(panel.defaults.get("unit"))
    yield from _unknown_mappings(panel.defaults.get("mappings"))
    for override in panel.overrides:
        yield from _unknown_override(override)


def _at(value: Any, path: str) -> Any:
    """Return what *value* has at *path*; None where it has nothing."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _unknown_override(override: JSON) -> Iterator[str]:
    if override["matcher"]["id"] not in _MATCHERS:
        yield f"the matcher {override['matcher']['id']!r}"
    for item in override["properties"]:
        if item["id"] not in _PROPERTIES:
            yield f"the property {item['id']!r}"
        elif item["id"] == "unit":
            yield from _unknown_unit(item["value"])
        elif item["id"] == "mappings":
            yield from _unknown_mappings(item["value"])


def _unknown_mappings(mappings: list[JSON] | None) -> Iterator[str]:
    for mapping in mappings or []:
        is_null = mapping["type"] == "special" and mapping["options"].get("match") in _NULLS
        if mapping["type"] not in _MAPPINGS and not is_null:
            yield f"the mapping {mapping['type']!r}"


def _unknown_unit(name: str | None) -> Iterator[str]:
    try:
        unit(name)
    except UnknownUnitError as error:
        yield str(error)
