"""House rules about a whole board: stamp, variables, header, annotations, places."""

import json
from collections.abc import Iterator
from itertools import combinations

from obskit.boards._layout import COLUMNS
from obskit.boards._model import JSON, Breach
from obskit.boards._promql import variables
from obskit.boards._read import data_panels, panels, top_level
from obskit.boards._render import SCHEMA, TAG

__all__ = ["RULES"]

_UID_LENGTH = 40
_STATS_HEIGHT = 4
_STAMP = {
    "editable": False,
    "graphTooltip": 1,
    "refresh": "30s",
    "schemaVersion": SCHEMA,
    "timezone": "browser",
    "time": {"from": "now-1h", "to": "now"},
}
_SERVICE = {"multi": True, "includeAll": True, "allValue": ".+", "refresh": 2}
_SOURCES = ("datasource", "loki_datasource", "tempo_datasource")


def stamp(board: JSON) -> Iterator[Breach]:
    """Rule 1: what all boards share is the same on each."""
    uid = board.get("uid") or ""
    if not uid.startswith("obskit-") or len(uid) > _UID_LENGTH:
        yield Breach(f"uid is {uid!r}.", f"Use obskit-<file name>, {_UID_LENGTH} characters at most.")
    if TAG not in board.get("tags", []):
        yield Breach(f"tags are {board.get('tags', [])}.", f"Add the tag {TAG!r}.")
    for key, value in _STAMP.items():
        if board.get(key) != value:
            yield Breach(f"{key} is {board.get(key)!r}.", f"Render it with {value!r}.")


def choices(board: JSON) -> Iterator[Breach]:
    """Rule 2: the variables are defined as on every board, and each defined one is used."""
    defined = {one["name"]: one for one in board.get("templating", {}).get("list", [])}
    # A variable may be used by another one's query only; its own definition does not count.
    used: set[str] = set()
    for part in (board.get("panels", []), board.get("annotations", {}), *defined.values()):
        own = part.get("name") if isinstance(part, dict) else None
        used |= {name for name in variables(json.dumps(part)) if not name.startswith("__") and name != own}
    for name in sorted(used - defined.keys()):
        yield Breach(f"${name} is used and not defined.", "Add it to the board's variables.")
    for name in sorted(defined.keys() - used):
        yield Breach(f"${name} is defined and not used.", "Use it in a query or remove it.")
    yield from _variable_forms(defined)


def _variable_forms(defined: dict[str, JSON]) -> Iterator[Breach]:
    source = defined.get("datasource", {})
    if source.get("type") != "datasource" or source.get("label") != "Data source":
        yield Breach("There is no data source variable.", "Render the board with obskit.boards.")
    service = defined.get("service", {})
    for key, value in _SERVICE.items():
        if service.get(key) != value:
            what = f"service has {key}={service.get(key)!r}."
            yield Breach(what, f"Make it with services(); it sets {value!r}.")
    if not defined.keys() - {"service", *_SOURCES}:
        what = "There is no variable of the board's own."
        yield Breach(what, "Add one that narrows what the board is about.")


def header(board: JSON) -> Iterator[Breach]:
    """Rule 3: the board begins with its question, and leads to the other boards."""
    first = next(iter(top_level(board)), {})
    if first.get("type") != "text" or "Paged?" not in first.get("options", {}).get("content", ""):
        what = "The first panel does not say what the board answers and where to look when paged."
        yield Breach(what, "Render the board with obskit.boards.")
    menu = {"type": "dashboards", "tags": [TAG], "includeVars": True, "keepTime": True}
    if not any(menu.items() <= link.items() for link in board.get("links", [])):
        what = "No link leads to the other boards."
        yield Breach(what, "Render the board with obskit.boards.")


def annotations(board: JSON) -> Iterator[Breach]:
    """Rule 9: deploys and firing alerts are drawn across the graphs."""
    queries = {one["name"]: one.get("expr", "") for one in board.get("annotations", {}).get("list", [])}
    if not any("process_start_time_seconds" in expr for expr in queries.values()):
        yield Breach("Deploys are not drawn.", "Annotate changes of the start time.")
    if not any(
        'alertstate="firing"' in expr and 'alertname!="Watchdog"' in expr for expr in queries.values()
    ):
        what = "Firing alerts are not drawn, or Watchdog, which always fires, is."
        yield Breach(what, 'Annotate ALERTS{alertstate="firing", alertname!="Watchdog"}.')


def places(board: JSON) -> Iterator[Breach]:
    """Rule 11: panels stay inside the grid, none covers another, ids are unique."""
    for group in (top_level(board), *(one.get("panels", []) for one in top_level(board))):
        for panel in group:
            if panel["gridPos"]["x"] + panel["gridPos"]["w"] > COLUMNS:
                yield Breach("It reaches beyond the grid.", "Make it narrower.", panel.get("title", ""))
        for one, other in combinations(group, 2):
            if _overlap(one["gridPos"], other["gridPos"]):
                what = f"It covers {other.get('title', '')!r}."
                yield Breach(what, "Place panels with rows.", one.get("title", ""))
    ids = [panel["id"] for panel in panels(board)] + [
        one["id"] for one in top_level(board) if one["type"] == "row"
    ]
    if len(ids) != len(set(ids)):
        yield Breach("Two panels have one id.", "Render the board with obskit.boards.")


def first_line(board: JSON) -> Iterator[Breach]:
    """Rule 11: the numbers that tell whether all is well come first."""
    data = [panel for panel in data_panels(board) if panel in top_level(board)]
    top = min((panel["gridPos"]["y"] for panel in data), default=0)
    for panel in data:
        place = panel["gridPos"]
        if place["y"] == top and (panel["type"] != "stat" or place["h"] != _STATS_HEIGHT):
            what = f"The first line has a {panel['type']} of height {place['h']}."
            yield Breach(what, f"Begin with numbers of height {_STATS_HEIGHT}.", panel.get("title", ""))


def _overlap(one: JSON, other: JSON) -> bool:
    across: bool = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    down: bool = one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
    return across and down


RULES = {
    "stamp": stamp,
    "variables": choices,
    "header": header,
    "annotations": annotations,
    "layout": places,
    "first line": first_line,
}
